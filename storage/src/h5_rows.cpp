#include "h5_rows.hpp"

#include <algorithm>

#include "h5_writer.hpp"

namespace vtvc::h5 {

RowWriter::RowWriter(Writer& writer, const std::string& name, Type type, const Shape& shape,
                     std::int64_t rows_per_checksum)
    : writer_(writer), name_(name), about_{type, type_bytes(type), shape, rows_per_checksum, {}} {
    (void)elements_of(shape, name);
    const auto& path = writer_.path_;
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    item_ = item_type(type, about_.item_bytes, path);
    const auto space = own(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                           path, "describe a shape");
    const auto plan = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path, "prepare a dataset");
    check(H5Pset_alloc_time(plan.get(), H5D_ALLOC_TIME_EARLY), path, "prepare a dataset");
    check(H5Pset_fill_time(plan.get(), H5D_FILL_TIME_NEVER), path, "prepare a dataset");
    dataset_ = own(H5Dcreate2(writer_.file_.get(), name.c_str(), item_.get(), space.get(),
                              writer_.links_.get(), plan.get(), H5P_DEFAULT),
                   H5Dclose, path, "make dataset " + name);
}

void RowWriter::append(std::span<const std::byte> bytes) {
    const std::size_t row_bytes = about_.row_bytes();
    if (row_bytes == 0 || bytes.size() % row_bytes != 0)
        fail<StorageError>("'{}' was given {} bytes (a row has {})", name_, bytes.size(), row_bytes);
    const auto rows = static_cast<std::int64_t>(bytes.size() / row_bytes);
    if (rows > most_rows() - rows_)
        fail<StorageError>("'{}' was given row {} (room was taken for {})", name_, rows_ + rows, most_rows());
    rows_ += rows;
    const std::size_t run = static_cast<std::size_t>(about_.rows_per_checksum) * row_bytes;
    while (!bytes.empty()) {
        const std::size_t part = std::min(run - held_.size(), bytes.size());
        if (part == run) {
            write_run(bytes.first(run));
        } else {
            held_.insert(held_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(part));
            if (held_.size() == run) flush();
        }
        bytes = bytes.subspan(part);
    }
}

void RowWriter::flush() {
    write_run(held_);
    held_.clear();
}

void RowWriter::write_run(std::span<const std::byte> run) {
    const auto count = static_cast<std::int64_t>(run.size() / about_.row_bytes());
    const Shape shape = [&] {
        Shape rows = about_.shape;
        rows[0] = count;
        return rows;
    }();
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    const auto memory = own(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                            writer_.path_, "describe a shape");
    const auto place = select(written_, count);
    check(H5Dwrite(dataset_.get(), item_.get(), memory.get(), place.get(), H5P_DEFAULT, run.data()),
          writer_.path_, "write dataset " + name_);
    about_.checksums.push_back(checksum(run));
    written_ += count;
}

Handle RowWriter::select(std::int64_t first, std::int64_t count) const {
    auto space = own(H5Dget_space(dataset_.get()), H5Sclose, writer_.path_, "describe a shape");
    std::vector<hsize_t> start(about_.shape.size(), 0), sizes(about_.shape.begin(), about_.shape.end());
    start[0] = static_cast<hsize_t>(first);
    sizes[0] = static_cast<hsize_t>(count);
    check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, sizes.data(), nullptr),
          writer_.path_, "choose rows of " + name_);
    return space;
}

void RowWriter::read(std::int64_t first, std::int64_t count, std::span<std::byte> out) {
    if (!held_.empty()) flush();
    if (first < 0 || count < 0 || first > rows_ - count ||
        out.size() != static_cast<std::size_t>(count) * about_.row_bytes())
        fail<StorageError>("'{}' has no rows {} to {}", name_, first, first + count);
    std::vector<hsize_t> sizes(about_.shape.begin(), about_.shape.end());
    sizes[0] = static_cast<hsize_t>(count);
    const auto memory = own(H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr), H5Sclose,
                            writer_.path_, "describe a shape");
    const auto place = select(first, count);
    check(H5Dread(dataset_.get(), item_.get(), memory.get(), place.get(), H5P_DEFAULT, out.data()),
          writer_.path_, "read dataset " + name_);
}

void RowWriter::finish() {
    if (!held_.empty()) flush();
    if (rows_ != most_rows()) fail<StorageError>("'{}' was given {} rows of {}", name_, rows_, most_rows());
    if (about_.checksums.empty()) about_.checksums.push_back(checksum({}));
    writer_.put_value(dataset_.get(), "xxh3", about_.checksums);
    writer_.put_value(dataset_.get(), "xxh3_rows", about_.rows_per_checksum);
    check(dataset_.close(), writer_.path_, "close dataset " + name_);
    writer_.manifest_.array(name_, about_);
}

}  // namespace vtvc::h5
