// CIFAR's binary version: rows of one label byte (CIFAR-100: coarse, then fine) and 3,072 pixels, all red,
// all green, all blue, 32 × 32 each.
#include <algorithm>
#include <sstream>
#include <utility>

#include "labelled.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/datasets/import.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSide = 32, kPlane = kSide * kSide, kPixels = 3 * kPlane;
constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 31;

/// Where a label lies among a row's label bytes.
struct RowLayout {
    std::size_t label_bytes = 1, label = 0;
};

void add_file(LabelledImages& to, const fs::path& path, const RowLayout& layout) {
    std::error_code error;
    if (const auto size = fs::file_size(path, error); !error && size > kMaxFileBytes)
        fail<StorageError>("{} has {} bytes (CIFAR's files have at most {})", path.string(), size,
                           kMaxFileBytes);
    const std::string file = read_text(path);
    const std::size_t row_bytes = layout.label_bytes + kPixels;
    if (file.empty() || file.size() % row_bytes != 0)
        fail<StorageError>("{} has {} bytes (a row has {}); was it cut, or is it not CIFAR's binary version?",
                           path.string(), file.size(), row_bytes);
    const std::size_t rows = file.size() / row_bytes;
    for (std::size_t row = 0; row < rows; ++row) {
        const char* at = file.data() + row * row_bytes;
        to.labels.push_back(static_cast<std::uint8_t>(at[layout.label]));
        const char* planes = at + layout.label_bytes;
        for (std::size_t pixel = 0; pixel < kPlane; ++pixel)
            for (std::size_t c = 0; c < 3; ++c)
                to.images.push_back(static_cast<std::uint8_t>(planes[c * kPlane + pixel]));
    }
    to.rows += static_cast<std::int64_t>(rows);
    to.height = to.width = static_cast<std::int64_t>(kSide);
    to.channels = 3;
    to.place = path.string();
}

/// One name a line; blank lines at the end do not count.
std::vector<std::string> names_in(const fs::path& path) {
    std::istringstream lines(read_text(path));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && line.back() == '\r') line.pop_back();
        if (!line.empty()) names.push_back(line);
    }
    return names;
}

/// data_batch_1.bin, data_batch_2.bin, … as far as they go.
std::vector<fs::path> batches(const fs::path& folder) {
    std::vector<fs::path> found;
    for (int number = 1;; ++number) {
        const fs::path path = folder / fmt::format("data_batch_{}.bin", number);
        if (!fs::exists(path)) return found;
        found.push_back(path);
    }
}

}  // namespace

DatasetContents import_cifar(const CifarSources& sources) {
    const fs::path& folder = sources.folder;
    const bool hundred = fs::exists(folder / "train.bin");
    const auto train_files = hundred ? std::vector{folder / "train.bin"} : batches(folder);
    if (train_files.empty())
        fail<StorageError>(
            "{} holds neither data_batch_1.bin (CIFAR-10) nor train.bin (CIFAR-100); give the folder of the "
            "binary version",
            folder.string());
    if (!hundred && sources.labels == CifarLabels::coarse)
        fail<ConfigError>("{} is CIFAR-10 (it has one kind of labels, 'fine')", folder.string());
    const bool coarse = sources.labels == CifarLabels::coarse;
    const RowLayout layout = hundred ? RowLayout{2, coarse ? 0U : 1U} : RowLayout{};
    const fs::path names =
        folder / (hundred ? coarse ? "coarse_label_names.txt" : "fine_label_names.txt" : "batches.meta.txt");
    LabelledImages train, test;
    for (const auto& path : train_files) add_file(train, path, layout);
    add_file(test, folder / (hundred ? "test.bin" : "test_batch.bin"), layout);
    DatasetContents contents = split_labelled(train, test,
                                              {.name = sources.name,
                                               .class_names = names_in(names),
                                               .validation = sources.validation,
                                               .seed = sources.seed});
    contents.origin =
        fmt::format("CIFAR-{} binary version ({} training files{}); validation share {} by class, seed {}",
                    hundred ? 100 : 10, train_files.size(), coarse ? ", coarse labels" : "",
                    sources.validation, sources.seed);
    return contents;
}

}  // namespace vtvc
