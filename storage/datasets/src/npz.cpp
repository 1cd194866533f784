// NumPy archives of images and labels, as many data sets are handed around.
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "cut.hpp"
#include "labelled.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/datasets/import.hpp"
#include "vtvc/foreign/npy.hpp"

namespace vtvc {
namespace {

template <class T>
std::vector<T> values_of(const NumpyFile& file, std::size_t index) {
    std::vector<T> values(static_cast<std::size_t>(file.arrays()[index].elements()));
    file.read(index, std::as_writable_bytes(std::span(values)));
    return values;
}

template <class T>
void append_labels(LabelledImages& to, const std::vector<T>& values) {
    for (std::size_t row = 0; row < values.size(); ++row) {
        // NOLINTNEXTLINE(bugprone-signed-char-misuse): numbers of one byte, no letters
        const auto label = static_cast<std::int64_t>(values[row]);
        if (label < 0 || label > std::numeric_limits<std::int32_t>::max())
            fail<StorageError>("label {} of row {} in {} is out of range (classes are counted from 0)", label,
                               row, to.place);
        to.labels.push_back(static_cast<std::int32_t>(label));
    }
}

std::string shape_text(const ForeignTensor& array) {
    return fmt::format("{}", fmt::join(array.shape, " x "));
}

void read_images(LabelledImages& to, const NumpyFile& file, const std::string& name,
                 const std::string& path) {
    const std::size_t index = file.find(name);
    const ForeignTensor& array = file.arrays()[index];
    if (array.type != ForeignType::u8)
        fail<StorageError>("'{}' in {} is {} (images are u8, 0 to 255); convert it with NumPy's astype", name,
                           path, name_of(array.type));
    const auto& shape = array.shape;
    if (shape.size() != 3 && (shape.size() != 4 || (shape[3] != 1 && shape[3] != 3)))
        fail<StorageError>(
            "'{}' in {} is {} (images are N x H x W, or N x H x W x 1 or 3); transpose it with NumPy", name,
            path, shape_text(array));
    to.set_shape(shape);
    if (array.elements() == 0)
        fail<StorageError>("'{}' in {} is {} (there are no pixels)", name, path, shape_text(array));
    file.read_on(index, [&](std::span<const std::byte> piece) { to.images.append(piece); });
}

void read_labels(LabelledImages& to, const NumpyFile& file, const std::string& name,
                 const std::string& path) {
    const std::size_t index = file.find(name);
    const ForeignTensor& array = file.arrays()[index];
    to.place = fmt::format("'{}' of {}", name, path);
    const bool column = array.shape.size() == 2 && array.shape[1] == 1;
    if ((array.shape.size() != 1 && !column) || array.shape[0] != to.rows)
        fail<StorageError>("{} is {} (one label for each of {} images is N or N x 1)", to.place,
                           shape_text(array), to.rows);
    switch (array.type) {
        case ForeignType::u8:
            return append_labels(to, values_of<std::uint8_t>(file, index));
        case ForeignType::i8:
            return append_labels(to, values_of<std::int8_t>(file, index));
        case ForeignType::i16:
            return append_labels(to, values_of<std::int16_t>(file, index));
        case ForeignType::i32:
            return append_labels(to, values_of<std::int32_t>(file, index));
        case ForeignType::i64:
            return append_labels(to, values_of<std::int64_t>(file, index));
        default:
            fail<StorageError>("{} is {} (labels are whole numbers)", to.place, name_of(array.type));
    }
}

}  // namespace

DatasetSummary import_npz(const NpzSources& sources, const std::filesystem::path& out) {
    check_share(sources.validation, "validation share");  // before the file is read
    const NumpyFile file = NumpyFile::open(sources.file);
    const std::string path = sources.file.string();
    LabelledImages train(out), test(out);
    read_images(train, file, sources.train_images, path);
    read_labels(train, file, sources.train_labels, path);
    read_images(test, file, sources.test_images, path);
    read_labels(test, file, sources.test_labels, path);
    return write_labelled(
        out, train, test,
        split_of(sources, fmt::format("NumPy file {} ({}, {}, {}, {})", sources.file.filename().string(),
                                      sources.train_images, sources.train_labels, sources.test_images,
                                      sources.test_labels)));
}

}  // namespace vtvc
