#include "vtvc/storage/predictions.hpp"

#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

TEST(Predictions, ReadsBackWhatWasWrittenInItsOrder) {
    const test::Folder folder;
    const auto written = test::small_predictions();
    write_predictions(folder / "p.h5", written);
    const auto read = read_predictions(folder / "p.h5");
    EXPECT_EQ(read.meta, written.meta);
    EXPECT_EQ(read.task_names, written.task_names);
    EXPECT_EQ(read.coefficient_names, written.coefficient_names);
    ASSERT_EQ(read.sets.size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        const auto &a = read.sets[i], &b = written.sets[i];
        SCOPED_TRACE(b.dataset);
        EXPECT_EQ(a.dataset, b.dataset);
        EXPECT_EQ(a.mode, b.mode);
        EXPECT_EQ(a.rows, b.rows);
        EXPECT_EQ(a.classes, b.classes);
        EXPECT_EQ(a.tasks, b.tasks);
        EXPECT_EQ(a.coefficients, b.coefficients);
        EXPECT_EQ(a.gate_rows, b.gate_rows);
        EXPECT_EQ(a.ids, b.ids);
        EXPECT_EQ(a.labels, b.labels);
        EXPECT_EQ(a.subdomains, b.subdomains);
        EXPECT_EQ(a.probabilities, b.probabilities);
        EXPECT_EQ(a.epistemic, b.epistemic);
        EXPECT_EQ(a.coefficient_values, b.coefficient_values);
        EXPECT_EQ(a.inclusion, b.inclusion);
        EXPECT_EQ(a.mean, b.mean);
        EXPECT_EQ(a.uncertainty, b.uncertainty);
    }
}

TEST(Predictions, RefusesSetsThatDoNotFit) {
    const test::Folder folder;
    const auto refuses = [&](auto spoil, const std::vector<std::string>& parts) {
        auto contents = test::small_predictions();
        spoil(contents);
        expect_refused([&] { write_predictions(folder / "p.h5", contents); }, parts);
    };
    refuses([](auto& c) { c.sets[0].probabilities.pop_back(); },
            {"greek/monte_carlo", "3 values of probabilities", "[2, 2]"});
    refuses([](auto& c) { c.sets[0].mean.push_back(0); }, {"mean", "[1, 2, 3]"});
    refuses([](auto& c) { c.sets[0].ids.clear(); }, {"no rows"});
    refuses([](auto& c) { c.sets[0].gate_rows = 3; }, {"gate values of 3 rows, it has 2"});
    refuses([](auto& c) { c.sets[0].classes = -2; }, {"classes is negative"});
    refuses([](auto& c) { c.sets[1] = c.sets[0]; }, {"greek/monte_carlo", "twice"});
    refuses([](auto& c) { c.sets[0].dataset = "a/b"; }, {"a/b", "slash"});
    refuses([](auto& c) { c.meta = "seed = 1"; }, {"not JSON"});
    EXPECT_EQ(folder.files(), 0U);
}

}  // namespace
}  // namespace vtvc
