#include <gtest/gtest.h>

#include "../support.hpp"
#include "imported.hpp"
#include "vtvc/datasets/import.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

/// Labels, then red all `seed`, green all `seed + 1`, blue 0, 1, 2, …
std::string row(std::initializer_list<int> labels, int seed) {
    std::string bytes;
    for (const int label : labels) bytes.push_back(static_cast<char>(label));
    bytes += std::string(1024, static_cast<char>(seed)) + std::string(1024, static_cast<char>(seed + 1));
    for (int i = 0; i < 1024; ++i) bytes.push_back(static_cast<char>(i));
    return bytes;
}

class ImportCifar : public testing::Test {
  protected:
    void ten() {
        for (int batch = 1; batch <= 2; ++batch) {
            std::string bytes;
            for (int i = 0; i < 10; ++i) bytes += row({i % 2}, 10 * batch + i);
            test::put_bytes(folder_ / fmt::format("data_batch_{}.bin", batch), bytes);
        }
        test::put_bytes(folder_ / "test_batch.bin", row({1}, 90) + row({0}, 91));
        test::put_bytes(folder_ / "batches.meta.txt", "plane\nbird\r\n\n");
    }
    void hundred() {
        std::string bytes;
        for (int i = 0; i < 12; ++i) bytes += row({i % 2, i % 3}, i);
        test::put_bytes(folder_ / "train.bin", bytes);
        test::put_bytes(folder_ / "test.bin", row({1, 2}, 90));
        test::put_bytes(folder_ / "fine_label_names.txt", "a\nb\nc\n");
        test::put_bytes(folder_ / "coarse_label_names.txt", "x\ny\n");
    }
    DatasetContents import(CifarLabels labels = CifarLabels::fine) {
        return test::imported(import_cifar,
                              CifarSources{.folder = folder_ / "", .name = "toy", .labels = labels});
    }
    test::Folder folder_;
};

TEST_F(ImportCifar, ReadsTheBatchesOfCifar10) {
    ten();
    const auto contents = import();
    EXPECT_EQ(contents.class_names, (std::vector<std::string>{"plane", "bird"}));
    EXPECT_EQ(contents.train.rows(), 18);
    EXPECT_EQ(contents.validation.rows(), 2);
    EXPECT_EQ(contents.test.labels, (std::vector<std::int32_t>{1, 0}));
    EXPECT_EQ(contents.test.ids, (std::vector<std::int64_t>{20, 21}));
    for (std::size_t i = 0; i < contents.train.ids.size(); ++i) {
        const auto id = contents.train.ids[i];
        EXPECT_EQ(contents.train.labels[i], id % 2);
        const auto* pixels = contents.train.images.data() + 3072 * i;
        EXPECT_EQ(pixels[0], 10 * (1 + id / 10) + id % 10);  // red
        EXPECT_EQ(pixels[1], pixels[0] + 1);
        EXPECT_EQ(pixels[2], 0);
        EXPECT_EQ(pixels[3 * 33 + 2], 33);  // second row, second column
    }
}

TEST_F(ImportCifar, ReadsBothLabelsOfCifar100) {
    hundred();
    EXPECT_EQ(import().class_names, (std::vector<std::string>{"a", "b", "c"}));
    EXPECT_EQ(import().test.labels, (std::vector<std::int32_t>{2}));
    const auto coarse = import(CifarLabels::coarse);
    EXPECT_EQ(coarse.class_names, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(coarse.test.labels, (std::vector<std::int32_t>{1}));
}

TEST_F(ImportCifar, RefusesWhatIsNotCifar) {
    expect_refused([&] { (void)import(); }, {"neither data_batch_1.bin"});
    ten();
    EXPECT_THROW((void)import(CifarLabels::coarse), ConfigError);
    test::put_bytes(folder_ / "batches.meta.txt", "plane\n");
    expect_refused([&] { (void)import(); }, {"one class only"});
    test::put_bytes(folder_ / "batches.meta.txt", "plane\nbird\n");
    test::put_bytes(folder_ / "data_batch_2.bin", row({2}, 0));
    expect_refused([&] { (void)import(); }, {"label 2 of row 10", "data_batch_2.bin"});
    test::put_bytes(folder_ / "data_batch_2.bin", row({1}, 0).substr(1));
    expect_refused([&] { (void)import(); }, {"data_batch_2.bin has 3072 bytes", "a row has 3073"});
    test::put_bytes(folder_ / "data_batch_2.bin", "");
    expect_refused([&] { (void)import(); }, {"0 bytes"});
    std::filesystem::remove(folder_ / "data_batch_2.bin");
    std::filesystem::remove(folder_ / "test_batch.bin");
    expect_refused([&] { (void)import(); }, {"test_batch.bin"});
}

}  // namespace
}  // namespace vtvc
