#pragma once
// IDX files, CIFAR's binary version and NumPy archives into a dataset file.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/schema.hpp"
#include "vtvc/storage/dataset_writer.hpp"

namespace vtvc {

struct IdxSources {
    std::filesystem::path train_images, train_labels, test_images, test_labels;
    std::string name;
    std::vector<std::string> class_names;  ///< empty: "0", "1", … up to the largest label
    double validation = .1;                ///< share of each class of the training rows, in (0, 1)
    std::uint64_t seed = 0;
};

/// Training rows are split by class into train and validation, and shuffled; test rows keep the file's order.
/// Throws StorageError for files that do not fit each other, labels without a name, fewer than two classes,
/// no rows, or a class too small to split; ConfigError for an impossible share.
DatasetSummary import_idx(const IdxSources& sources, const std::filesystem::path& out);

/// Which of CIFAR-100's two labels; CIFAR-10 has one kind.
enum class CifarLabels { fine, coarse };
template <>
struct EnumNames<CifarLabels> {
    static constexpr std::array<std::string_view, 2> names{"fine", "coarse"};
};

struct CifarSources {
    /// CIFAR-10's binary version (data_batch_1.bin …, test_batch.bin, batches.meta.txt) or CIFAR-100's
    /// (train.bin, test.bin, fine_label_names.txt, coarse_label_names.txt).
    std::filesystem::path folder;
    std::string name;
    CifarLabels labels = CifarLabels::fine;
    double validation = .1;
    std::uint64_t seed = 0;
};

/// 32 × 32 RGB; split as import_idx. StorageError: a file is missing, is no whole number of rows, has a label
/// without a name.
DatasetSummary import_cifar(const CifarSources& sources, const std::filesystem::path& out);

struct NpzSources {
    /// A .npz with all four arrays. Images: u8, N × H × W or N × H × W × channels (1 or 3); labels: whole
    /// numbers, N or N × 1.
    std::filesystem::path file;
    std::string train_images = "x_train", train_labels = "y_train", test_images = "x_test",
                test_labels = "y_test";
    std::string name;
    std::vector<std::string> class_names = {};  ///< empty: "0", "1", … up to the largest label
    double validation = .1;
    std::uint64_t seed = 0;
};

/// Split as import_idx. StorageError: an array is missing or of another type or shape, labels outside 0 … 2³¹
/// − 1.
DatasetSummary import_npz(const NpzSources& sources, const std::filesystem::path& out);

}  // namespace vtvc
