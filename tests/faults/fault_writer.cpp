// Writes one file of the kind that is asked for: what the fault shim is preloaded into. Exit codes: 0
// written, 3 a StorageError (told on stderr), 4 another one.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "../storage/support.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/storage/bank_writer.hpp"

namespace vtvc {
namespace {

void write(const std::string& kind, const std::filesystem::path& path, float value) {
    if (kind == "dataset") {
        auto contents = test::small_dataset();
        contents.origin = std::to_string(value);
        write_dataset(path, contents);
    } else if (kind == "features") {
        auto contents = test::small_features();
        contents.train.values[0] = value;
        write_features(path, contents);
    } else if (kind == "jacobian") {
        test::write_jacobian(path, JacobianStore::bf16, value);
    } else if (kind == "predictions") {
        auto contents = test::small_predictions();
        contents.sets[0].mean[0] = value;
        write_predictions(path, contents);
    } else if (kind == "checkpoint") {
        auto file = test::small_model();
        file.kind = "checkpoint";
        file.tensors.at("conv1.weight").as<float>()[0] = value;
        file.write(path);
    } else if (kind == "bank") {
        BankPlan plan;
        plan.blocks = {
            {"w", {64, 32}}, {"b", {64}}, {"long", {70'000}}};  // the last is written beside the caller
        plan.tasks = {
            {"one", "", {}}, {"two", "", {StorageKind::int8, 0}}, {"three", "", {StorageKind::low_rank, 2}}};
        BankWriter writer(path, plan);
        for (std::int64_t j = 0; j < 3; ++j) {
            std::vector<float> values(
                static_cast<std::size_t>(plan.blocks[static_cast<std::size_t>(j)].elements()), value);
            writer.put_base(j, values);
            for (std::int64_t k = 0; k < 3; ++k) writer.put_task(j, k, values);
        }
        writer.finish();
    } else {
        write_atomically(path, "text " + std::to_string(value));
    }
}

}  // namespace
}  // namespace vtvc

int main(int argc, char** argv) {
    if (argc != 4) return 2;
    try {
        vtvc::write(argv[1], argv[2], std::strtof(argv[3], nullptr));
        return 0;
    } catch (const vtvc::StorageError& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 3;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 4;
    }
}
