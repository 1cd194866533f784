// A corpus of bad files (make_bad_files.py): each must be refused with a message that has the documented
// words.
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "support.hpp"
#include "vtvc/datasets/import.hpp"
#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/foreign/npy.hpp"
#include "vtvc/imports/architecture.hpp"
#include "vtvc/storage/idx.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Opens it and reads everything: what is damaged may show only then.
void read_as(const std::string& reader, const fs::path& path) {
    if (reader == "idx") {
        (void)read_idx(path);
    } else if (reader == "cifar") {
        (void)import_cifar({.folder = path, .name = "bad"}, path / "out.h5");
    } else if (reader == "config") {
        (void)read_hints(path / "model.safetensors");
    } else if (reader == "own") {
        (void)kind_of(path);
    } else if (reader == "numpy") {
        const auto file = NumpyFile::open(path);
        for (std::size_t i = 0; i < file.arrays().size(); ++i) {
            std::vector<std::byte> out(static_cast<std::size_t>(file.arrays()[i].elements()) *
                                       size_of(file.arrays()[i].type));
            file.read(i, out);
        }
    } else {
        const auto file = ForeignCheckpoint::open(path);
        for (std::size_t i = 0; i < file.tensors().size(); ++i) {
            std::vector<std::byte> out(static_cast<std::size_t>(file.tensors()[i].elements()) *
                                       size_of(file.tensors()[i].type));
            file.read(i, out);
        }
    }
}

TEST(BadFiles, EachGivesItsDocumentedError) {
    const test::Folder folder;
    const auto made = folder / "bad";
    const auto script = fs::path(VTVC_TEST_SOURCE_DIR) / "make_bad_files.py";
    ASSERT_EQ(std::system(
                  ("python3 -W ignore '" + script.string() + "' '" + made.string() + "' >/dev/null").c_str()),
              0);
    const auto all = json::parse(std::ifstream(made / "expected.json"));
    EXPECT_GE(all.size(), 380U);
    for (const auto& [file, expected] : all.items()) {
        SCOPED_TRACE(file);
        auto words = expected["words"].get<std::vector<std::string>>();
        ASSERT_FALSE(words.empty());
        ASSERT_TRUE(std::none_of(words.begin(), words.end(), [](const auto& word) { return word.empty(); }));
        test::expect_refused([&, &name = file] { read_as(expected["reader"], made / name); }, words);
    }
}

TEST(BadFiles, MessagesAreOneReadableLine) {
    const test::Folder folder;
    const std::string evil =
        R"({"\u001b[2J\n\u0007":{"dtype":"\u001b[31m","shape":[],"data_offsets":[0,0]}})";
    std::string file(8, '\0');
    file[0] = static_cast<char>(evil.size());
    test::put_bytes(folder / "x.safetensors", file + evil);
    try {
        (void)ForeignCheckpoint::open(folder / "x.safetensors");
        ADD_FAILURE() << "nothing was refused";
    } catch (const StorageError& error) {
        const std::string message = error.what();
        EXPECT_TRUE(std::none_of(message.begin(), message.end(), [](char c) { return c >= 0 && c < ' '; }))
            << message;
    }
}

}  // namespace
}  // namespace vtvc
