// vtvc data import, as a user calls it: what good input makes, and what is said of bad input.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "program.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

using Json = nlohmann::json;

class DataImport : public testing::Test {
  protected:
    Outcome import(const std::string& arguments) {
        return run_program(std::string(VTVC_BIN_DIR) + "/vtvc data import " + arguments, scratch_.path());
    }
    void write(const std::string& name, const std::string& bytes) {
        const auto path = scratch_.path() / name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
    }
    Dataset made(const std::string& name) { return Dataset::open((scratch_.path() / name).string()); }
    /// Refused with this exit code and one line that has all the words; nothing is left under the name.
    void expect_refused(const std::string& arguments, int code, const std::vector<std::string>& words) {
        const Outcome outcome = import(arguments + " --name x -o bad.h5");
        EXPECT_EQ(outcome.code, code) << arguments;
        EXPECT_EQ(outcome.out, "") << arguments;
        const auto start = outcome.err.rfind("vtvc: ");
        ASSERT_NE(start, std::string::npos) << outcome.err;
        const auto line = outcome.err.substr(start);
        EXPECT_EQ(std::count(line.begin(), line.end(), '\n'), 1) << outcome.err;
        for (const auto& word : words) EXPECT_NE(outcome.err.find(word), std::string::npos) << outcome.err;
        EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "bad.h5"));
        for (const auto& entry : std::filesystem::directory_iterator(scratch_.path()))
            EXPECT_NE(entry.path().extension(), ".partial") << entry.path();
    }
    void expect_rows(const Outcome& outcome, int train, int validation, int test) {
        ASSERT_EQ(outcome.code, 0) << outcome.err;
        const Json rows = Json::parse(outcome.out)["rows"];
        EXPECT_EQ(rows, (Json{{"train", train}, {"validation", validation}, {"test", test}}));
    }
    test::Scratch scratch_;
};

std::string word(std::uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<char>(value >> shift & 0xFF));
    return bytes;
}
/// IDX of n images, 2 × 3, image i filled with i; or of n labels i mod 2.
std::string idx_images(std::uint32_t n) {
    std::string bytes = std::string("\0\0\x08\x03", 4) + word(n) + word(2) + word(3);
    for (std::uint32_t i = 0; i < n; ++i) bytes += std::string(6, static_cast<char>(i));
    return bytes;
}
std::string idx_labels(std::uint32_t n) {
    std::string bytes = std::string("\0\0\x08\x01", 4) + word(n);
    for (std::uint32_t i = 0; i < n; ++i) bytes.push_back(static_cast<char>(i % 2));
    return bytes;
}
constexpr const char* kIdx = "idx --train-images ti --train-labels tl --test-images ei --test-labels el";

TEST_F(DataImport, IdxFilesBecomeADataset) {
    write("ti", idx_images(20));
    write("tl", idx_labels(20));
    write("ei", idx_images(4));
    write("el", idx_labels(4));
    expect_rows(import(std::string(kIdx) + " --name toy --classes even,odd --validation .2 --json -o toy.h5"),
                16, 4, 4);
    EXPECT_EQ(made("toy.h5").class_names(), (std::vector<std::string>{"even", "odd"}));
    const auto rows = made("toy.h5").read(Split::train);
    for (std::size_t i = 0; i < rows.ids.size(); ++i) {
        EXPECT_EQ(rows.images[6 * i], rows.ids[i]);
        EXPECT_EQ(rows.labels[i], rows.ids[i] % 2);
    }
    EXPECT_EQ(read_test_labels((scratch_.path() / "toy.h5").string()),
              (std::vector<std::int32_t>{0, 1, 0, 1}));
    const Outcome words = import(std::string(kIdx) + " --name toy -o again.h5");
    EXPECT_EQ(words.code, 0);
    EXPECT_NE(words.out.find("toy, 2 classes, 18 train"), std::string::npos) << words.out;
}

TEST_F(DataImport, IdxThatDoesNotFitIsRefused) {
    write("ti", idx_images(20));
    write("tl", idx_labels(20));
    write("ei", idx_images(4));
    expect_refused(kIdx, 1, {"el"});  // there is none
    write("el", idx_labels(5));
    expect_refused(kIdx, 1, {"4 images", "5 labels", "ei", "el"});
    write("el", idx_images(4));
    expect_refused(kIdx, 1, {"el", "swapped"});
    write("el", idx_labels(4));
    write("ti", idx_images(20).substr(0, 100));
    expect_refused(kIdx, 1, {"ti", "cut"});
    write("ti", "no IDX at all");
    expect_refused(kIdx, 1, {"ti", "not an IDX file"});
    write("ti", idx_images(20));
    expect_refused(std::string(kIdx) + " --validation 1.5", 2, {"validation share", "1.5"});
    expect_refused(std::string(kIdx) + " --classes one", 1, {"one class"});
}

/// Rows of CIFAR-10: label i mod 2, every pixel i.
std::string cifar(int n) {
    std::string bytes;
    for (int i = 0; i < n; ++i)
        bytes += std::string(1, static_cast<char>(i % 2)) + std::string(3072, static_cast<char>(i));
    return bytes;
}

TEST_F(DataImport, CifarBatchesBecomeADataset) {
    write("c/data_batch_1.bin", cifar(10));
    write("c/data_batch_2.bin", cifar(10));
    write("c/test_batch.bin", cifar(3));
    write("c/batches.meta.txt", "plane\nbird\n");
    expect_rows(import("cifar c --name toy --json -o toy.h5"), 18, 2, 3);
    const auto rows = made("toy.h5").read(Split::train);
    for (std::size_t i = 0; i < rows.ids.size(); ++i) EXPECT_EQ(rows.images[3072 * i + 7], rows.ids[i] % 10);
    expect_refused("cifar c --labels coarse", 2, {"CIFAR-10"});
    expect_refused("cifar c --labels rough", 2, {"'rough'", "fine, coarse"});
}

TEST_F(DataImport, CifarThatDoesNotFitIsRefused) {
    expect_refused("cifar c", 1, {"data_batch_1.bin", "train.bin"});
    write("c/data_batch_1.bin", cifar(10).substr(0, 3073 * 9 + 100));
    write("c/test_batch.bin", cifar(3));
    write("c/batches.meta.txt", "plane\nbird\n");
    expect_refused("cifar c", 1, {"data_batch_1.bin", "3073"});
    write("c/data_batch_1.bin", cifar(10));
    write("c/batches.meta.txt", "plane\n");
    expect_refused("cifar c", 1, {"class"});
    std::filesystem::remove(scratch_.path() / "c/test_batch.bin");
    write("c/batches.meta.txt", "plane\nbird\n");
    expect_refused("cifar c", 1, {"test_batch.bin"});
}

TEST_F(DataImport, NumpyArchivesBecomeADataset) {
    const std::string golden = VTVC_TEST_SOURCE_DIR "/../golden/npz/";
    expect_rows(import("npz " + golden + "colour.npz --name toy --json -o toy.h5"), 9, 3, 4);
    EXPECT_EQ(read_test_labels((scratch_.path() / "toy.h5").string()),
              (std::vector<std::int32_t>{0, 1, 2, 0}));
    expect_refused("npz " + golden + "colour.npz --train-images pictures", 1,
                   {"no array 'pictures'", "x_train"});
    expect_refused("npz " + golden + "colour.npz --train-images y_train", 1, {"'y_train'"});
    expect_refused("npz absent.npz", 1, {"absent.npz"});
    write("no.npz", "no archive");
    expect_refused("npz no.npz", 1, {"no.npz"});
}

/// A picture of one colour.
std::string ppm(int side, char value) {
    const auto text = "P6\n" + std::to_string(side) + " " + std::to_string(side) + "\n255\n";
    return text + std::string(static_cast<std::size_t>(3 * side * side), value);
}

TEST_F(DataImport, AFolderOfPicturesBecomesADataset) {
    for (const char* name : {"cat", "dog"})
        for (int i = 0; i < 10; ++i)
            write(std::string("p/") + name + "/" + std::to_string(i) + ".ppm", ppm(5 + i % 2, name[0]));
    write("p/cat/notes.txt", "no picture");
    const std::string folder = "images p --size 4 --test .2 --validation .1";
    const Outcome outcome = import(folder + " --name pets --json -o pets.h5");
    expect_rows(outcome, 14, 2, 4);
    EXPECT_EQ(Json::parse(outcome.out)["left_out"].size(), 1U) << outcome.out;
    const auto rows = made("pets.h5").read(Split::train);
    for (std::size_t i = 0; i < rows.ids.size(); ++i)
        EXPECT_EQ(rows.images[48 * i], rows.labels[i] == 0 ? 'c' : 'd');

    write("p/dog/7.ppm", ppm(5, 'd').substr(0, 30));
    expect_refused(folder, 1, {"7.ppm"});
    const Outcome skipped = import(folder + " --on-corrupt skip --name pets --json -o fewer.h5");
    expect_rows(skipped, 13, 2, 4);
    EXPECT_EQ(Json::parse(skipped.out)["skipped"].size(), 1U);
    expect_refused(folder + " --on-corrupt pray", 2, {"'pray'"});
    expect_refused(folder + " --filter nearest", 2, {"'nearest'", "bicubic"});
    expect_refused("images nowhere", 1, {"nowhere"});
}

}  // namespace
}  // namespace vtvc
