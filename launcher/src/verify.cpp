// vtvc verify: reads a file to its last byte, so that every checksum is looked at.
#include <CLI/CLI.hpp>
#include <array>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

constexpr std::array all_splits{Split::train, Split::validation, Split::test};

void read_bank(const std::string& path) {
    const Bank bank = Bank::open(path);
    for (std::size_t block = 0; block < bank.blocks().size(); ++block) {
        const auto index = static_cast<std::int64_t>(block);
        std::vector<float> values(static_cast<std::size_t>(bank.blocks()[block].elements()));
        bank.read_base(index, values);
        for (std::int64_t task = 0; task < bank.tasks(); ++task) bank.read_task(index, task, values);
    }
}

void read_dataset(const std::string& path) {
    const Dataset dataset = Dataset::open(path);
    for (const Split split : all_splits) (void)dataset.read(split);
    (void)read_test_labels(path);
}

void read_features(const std::string& path) {
    const Features features = Features::open(path, "", "");
    for (const Split split : all_splits) (void)features.read(split);
}

void read_tensors(const std::string& path, const std::string& kind) {
    const std::string found = TensorFile::read(path, kind).content_hash();
    if (const std::string written = content_hash_of(path); found != written)
        fail<StorageError>("{} hashes to {}, its attribute says {} (it was changed after it was written)",
                           path, found, written);
}

void verify(const std::string& path, bool json) {
    const std::string kind = kind_of(path);
    if (kind == "dataset")
        read_dataset(path);
    else if (kind == "bank")
        read_bank(path);
    else if (kind == "features")
        read_features(path);
    else if (kind == "predictions")
        (void)read_predictions(path);
    else
        read_tensors(path, kind);
    const std::string hash = content_hash_of(path);
    if (json) return print_json({{"path", path}, {"kind", kind}, {"hash", hash}, {"whole", true}});
    print_text(fmt::format("{}: whole, {} {}\n", path, kind, hash));
}

}  // namespace

void add_verify(CLI::App& app) {
    struct Arguments {
        std::string file;
        bool json = false;
    };
    CLI::App& verb = *app.add_subcommand("verify", "Read a whole file of ours and check every checksum");
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("file", arguments->file, "Any HDF5 file that vtvc wrote")->required();
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] { verify(arguments->file, arguments->json); });
}

}  // namespace vtvc
