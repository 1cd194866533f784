#include "vtvc/storage/test_labels.hpp"

#include "dataset_layout.hpp"

namespace vtvc {

std::vector<std::int32_t> read_test_labels(const std::filesystem::path& dataset, std::int64_t first,
                                           std::int64_t count) {
    const auto reader = h5::Reader::open(dataset, kDatasetKind, kDatasetVersion);
    const auto range = clip_rows(reader.path(), reader.about(kTestLabels).rows(), first, count);
    return read_labels(reader, kTestLabels, range, reader.about("class_names").rows());
}

}  // namespace vtvc
