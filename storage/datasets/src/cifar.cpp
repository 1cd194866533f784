// CIFAR's binary version: rows of one label byte (CIFAR-100: coarse, then fine) and 3,072 pixels, all red,
// all green, all blue, 32 × 32 each.
#include <fstream>
#include <sstream>
#include <utility>

#include "cut.hpp"
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
    const auto bytes = fs::file_size(path, error);
    std::ifstream file(path, std::ios::binary);
    if (error || !file.is_open())
        fail<StorageError>("cannot read {} ({})", path.string(),
                           error ? error.message() : "it cannot be opened");
    if (bytes > kMaxFileBytes)
        fail<StorageError>("{} has {} bytes (CIFAR's files have at most {})", path.string(), bytes,
                           kMaxFileBytes);
    const std::size_t row_bytes = layout.label_bytes + kPixels;
    if (bytes == 0 || bytes % row_bytes != 0)
        fail<StorageError>("{} has {} bytes (a row has {}); was it cut, or is it not CIFAR's binary version?",
                           path.string(), bytes, row_bytes);
    const auto rows = static_cast<std::int64_t>(bytes / row_bytes);
    std::string row(row_bytes, '\0');
    std::vector<std::byte> pixels(kPixels);
    for (std::int64_t i = 0; i < rows; ++i) {
        if (!file.read(row.data(), static_cast<std::streamsize>(row.size())))
            fail<StorageError>("{} became shorter while it was read; was it changed?", path.string());
        to.labels.push_back(static_cast<std::uint8_t>(row[layout.label]));
        const char* planes = row.data() + layout.label_bytes;
        for (std::size_t pixel = 0; pixel < kPlane; ++pixel)
            for (std::size_t c = 0; c < 3; ++c)
                pixels[3 * pixel + c] = static_cast<std::byte>(planes[c * kPlane + pixel]);
        to.images.append(pixels);
    }
    to.rows += rows;
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

DatasetSummary import_cifar(const CifarSources& sources, const fs::path& out) {
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
    check_share(sources.validation, "validation share");  // before the files are read
    LabelledImages train(out), test(out);
    for (const auto& path : train_files) add_file(train, path, layout);
    add_file(test, folder / (hundred ? "test.bin" : "test_batch.bin"), layout);
    return write_labelled(
        out, train, test,
        {.name = sources.name,
         .class_names = names_in(names),
         .validation = sources.validation,
         .seed = sources.seed,
         .origin = fmt::format("CIFAR-{} binary version ({} training files{})", hundred ? 100 : 10,
                               train_files.size(), coarse ? ", coarse labels" : "")});
}

}  // namespace vtvc
