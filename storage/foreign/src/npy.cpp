#include "vtvc/foreign/npy.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "byte_source.hpp"
#include "names.hpp"
#include "npy_file.hpp"
#include "npy_header.hpp"
#include "shapes.hpp"
#include "vtvc/core/error.hpp"
#include "zip_archive.hpp"

namespace vtvc {

namespace foreign {
namespace {

class OneArray final : public Arrays {
  public:
    explicit OneArray(std::unique_ptr<ByteSource> source) : source_(std::move(source)) {
        const auto& where = source_->name();
        const auto start = read_string(
            *source_, 0, static_cast<std::size_t>(std::min<std::uint64_t>(kNpyPreamble, source_->size())));
        const auto bytes = npy_header_bytes(start, where);
        if (bytes > source_->size())
            fail<StorageError>("{}: ends within its npy header ({} bytes of {}); was it cut?", where,
                               source_->size(), bytes);
        headers.push_back(parse_npy_header(read_string(*source_, 0, static_cast<std::size_t>(bytes)),
                                           source_->size() - bytes, where));
        listed.push_back({"", headers[0].type, headers[0].shape});
    }
    void read_raw(std::size_t /*index*/, std::span<std::byte> out) const override {
        source_->read(headers[0].bytes, out);
    }
    void read_raw_on(std::size_t /*index*/,
                     const std::function<void(std::span<const std::byte>)>& take) const override {
        std::vector<std::byte> piece(std::size_t{1} << 20);
        for (auto at = headers[0].bytes; at < source_->size();) {
            const auto part =
                std::span(piece).first(std::min<std::uint64_t>(piece.size(), source_->size() - at));
            source_->read(at, part);
            take(part);
            at += part.size();
        }
    }

  private:
    std::unique_ptr<ByteSource> source_;
};

class ManyArrays final : public Arrays {
  public:
    explicit ManyArrays(std::unique_ptr<ByteSource> source) : archive_(std::move(source)) {
        for (const auto& [name, entry] : archive_.entries()) {
            constexpr std::string_view kEnding = ".npy";
            if (!name.ends_with(kEnding))
                fail<StorageError>("{}: its entry '{}' is no .npy; is it an .npz?", archive_.name(),
                                   shown(name));
            const auto array = name.substr(0, name.size() - kEnding.size());
            check_tensor_name(array, archive_.name());
            const auto where = fmt::format("{}, array '{}'", archive_.name(), shown(array));
            std::string start(static_cast<std::size_t>(std::min<std::uint64_t>(kNpyPreamble, entry.bytes)),
                              '\0');
            archive_.read(entry, 0, std::as_writable_bytes(std::span(start)));
            const auto bytes = npy_header_bytes(start, where);
            if (bytes > entry.bytes) fail<StorageError>("{}: ends within its npy header; was it cut?", where);
            std::string header(static_cast<std::size_t>(bytes), '\0');
            archive_.read(entry, 0, std::as_writable_bytes(std::span(header)));
            headers.push_back(parse_npy_header(header, entry.bytes - bytes, where));
            listed.push_back({array, headers.back().type, headers.back().shape});
            entries_.push_back(entry);
        }
    }
    void read_raw(std::size_t index, std::span<std::byte> out) const override {
        archive_.read(entries_[index], headers[index].bytes, out);
    }
    void read_raw_on(std::size_t index,
                     const std::function<void(std::span<const std::byte>)>& take) const override {
        archive_.read_on(entries_[index], headers[index].bytes, take);
    }

  private:
    ZipArchive archive_;
    std::vector<ZipArchive::Entry> entries_;
};

}  // namespace

std::unique_ptr<Arrays> open_arrays(std::unique_ptr<ByteSource> source) {
    if (looks_like_zip(*source)) return std::make_unique<ManyArrays>(std::move(source));
    return std::make_unique<OneArray>(std::move(source));
}

void Arrays::read(std::size_t index, std::span<std::byte> out) const {
    read_raw(index, out);
    normalise(headers[index], out);
}

void Arrays::read_on(std::size_t index, const std::function<void(std::span<const std::byte>)>& take) const {
    const auto& header = headers[index];
    if (!header.fortran && (!header.big_endian || size_of(header.type) == 1)) return read_raw_on(index, take);
    std::vector<std::byte> whole(static_cast<std::size_t>(listed[index].elements()) * size_of(header.type));
    read(index, whole);
    take(whole);
}

}  // namespace foreign

namespace {
constexpr std::uint64_t kLargestTurned = std::uint64_t{1} << 30;  // from Fortran's order, in memory
}

struct NumpyFile::Impl {
    std::string path;
    std::unique_ptr<foreign::Arrays> arrays;
};

NumpyFile::NumpyFile(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
NumpyFile::~NumpyFile() = default;
NumpyFile::NumpyFile(NumpyFile&&) noexcept = default;
NumpyFile& NumpyFile::operator=(NumpyFile&&) noexcept = default;

NumpyFile NumpyFile::open(const std::filesystem::path& path) {
    return NumpyFile(
        std::make_unique<Impl>(Impl{path.string(), foreign::open_arrays(foreign::open_bytes(path))}));
}

const std::vector<ForeignTensor>& NumpyFile::arrays() const { return impl_->arrays->listed; }

std::size_t NumpyFile::find(const std::string& name) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < arrays().size(); ++i) {
        if (arrays()[i].name == name) return i;
        if (names.size() < 20) names.push_back(foreign::shown(arrays()[i].name));
    }
    fail<StorageError>("{}: no array '{}' (there are: {})", impl_->path, name, fmt::join(names, ", "));
}

void NumpyFile::read(std::size_t index, std::span<std::byte> out) const {
    const auto& array = arrays().at(index);
    if (foreign::bytes_of(array.shape, size_of(array.type)) != out.size())
        fail<StorageError>("{}: array '{}' of {} {} does not fill {} bytes", impl_->path, array.name,
                           name_of(array.type), foreign::shape_text(array.shape), out.size());
    impl_->arrays->read(index, out);
}

void NumpyFile::read_on(std::size_t index,
                        const std::function<void(std::span<const std::byte>)>& take) const {
    const auto& array = arrays().at(index);
    if (impl_->arrays->headers[index].fortran &&
        static_cast<std::uint64_t>(array.elements()) * size_of(array.type) > kLargestTurned)
        fail<StorageError>(
            "{}: array '{}' of shape {} lies in Fortran's order and takes more than {} bytes (it must be in "
            "memory to be turned round); save it again with numpy.ascontiguousarray",
            impl_->path, foreign::shown(array.name), foreign::shape_text(array.shape), kLargestTurned);
    impl_->arrays->read_on(index, take);
}

}  // namespace vtvc
