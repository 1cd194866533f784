#include "vtvc/storage/tensor_file.hpp"

#include <cstring>

#include "h5_reader.hpp"
#include "h5_writer.hpp"
#include "vtvc/core/hash.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc {

namespace {

// DType and h5::Type share their order; h5 adds text at the end.
h5::Type h5_type(DType type) { return static_cast<h5::Type>(type); }

std::string place(const std::string& name) { return "tensors/" + name; }

void check_meta(const std::string& meta, const std::string& kind) {
    if (const auto fault = fault_text(check_json(meta)); !fault.empty())
        fail<StorageError>("the meta text of a '{}' file {}: {}", kind, fault, meta.substr(0, 200));
}

}  // namespace

std::size_t size_of(DType type) { return h5::type_bytes(h5_type(type)); }

std::int64_t HostTensor::elements() const { return h5::elements_of(shape, "tensor"); }

template <class T>
std::span<const T> HostTensor::as() const {
    if (h5_type(type) != h5::type_of<T>())
        fail<StorageError>("a tensor of {} was asked for as {}", h5::type_name(h5_type(type)),
                           h5::type_name(h5::type_of<T>()));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
}

template <class T>
std::span<T> HostTensor::as() {
    const auto view = std::as_const(*this).as<T>();
    return {const_cast<T*>(view.data()), view.size()};
}

template <class T>
HostTensor HostTensor::of(std::vector<std::int64_t> shape, std::span<const T> values) {
    if (h5::elements_of(shape, "tensor") != static_cast<std::int64_t>(values.size()))
        fail<StorageError>("{} values do not fill a tensor of shape {}", values.size(),
                           h5::shape_text(shape));
    const auto bytes = std::as_bytes(values);
    return {static_cast<DType>(h5::type_of<T>()), std::move(shape), {bytes.begin(), bytes.end()}};
}

#define VTVC_HOST_TENSOR(T)                                \
    template std::span<const T> HostTensor::as<T>() const; \
    template std::span<T> HostTensor::as<T>();             \
    template HostTensor HostTensor::of<T>(std::vector<std::int64_t>, std::span<const T>)
VTVC_HOST_TENSOR(float);
VTVC_HOST_TENSOR(double);
VTVC_HOST_TENSOR(std::int32_t);
VTVC_HOST_TENSOR(std::int64_t);
VTVC_HOST_TENSOR(std::uint8_t);
#undef VTVC_HOST_TENSOR

void TensorFile::write(const std::filesystem::path& path) const {
    check_meta(meta, kind);
    std::uint64_t bytes = meta.size();
    for (const auto& [name, tensor] : tensors) bytes += tensor.bytes.size() + 1024;
    h5::Writer writer(path, kind, version, bytes);
    writer.text("meta", meta);
    for (const auto& [name, tensor] : tensors)
        writer.array(place(name), h5_type(tensor.type), tensor.shape, tensor.bytes);
    writer.finish();
}

TensorFile TensorFile::read(const std::filesystem::path& path, const std::string& expected_kind) {
    const auto reader = h5::Reader::open(path, expected_kind, version);
    TensorFile file{expected_kind, reader.text("meta"), {}};
    if (const auto fault = fault_text(check_json(file.meta)); !fault.empty())
        reader.refuse("its meta text {}", fault);
    for (const auto& name : reader.names("tensors")) {
        const auto& about = reader.about(place(name));
        if (about.type >= h5::Type::text)
            reader.refuse("tensor '{}' is {}, tensor files hold f32, f64, i32, i64 and u8", name,
                          h5::type_name(about.type));
        HostTensor tensor{static_cast<DType>(about.type), about.shape, std::vector<std::byte>(about.bytes())};
        reader.read(place(name), 0, about.rows(), tensor.bytes);
        file.tensors.emplace(name, std::move(tensor));
    }
    return file;
}

struct TensorReader::Impl {
    h5::Reader reader;
    std::string meta;
};

TensorReader::TensorReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TensorReader::~TensorReader() = default;
TensorReader::TensorReader(TensorReader&&) noexcept = default;
TensorReader& TensorReader::operator=(TensorReader&&) noexcept = default;

TensorReader TensorReader::open(const std::filesystem::path& path, const std::string& expected_kind) {
    auto impl = std::make_unique<Impl>(Impl{h5::Reader::open(path, expected_kind, TensorFile::version), {}});
    impl->meta = impl->reader.text("meta");
    if (const auto fault = fault_text(check_json(impl->meta)); !fault.empty())
        impl->reader.refuse("its meta text {}", fault);
    return TensorReader(std::move(impl));
}
const std::string& TensorReader::meta() const { return impl_->meta; }
const std::string& TensorReader::content_hash() const { return impl_->reader.content_hash(); }
bool TensorReader::has(const std::string& name) const { return impl_->reader.has(place(name)); }
const std::vector<std::int64_t>& TensorReader::shape(const std::string& name) const {
    return impl_->reader.about(place(name)).shape;
}
std::vector<float> TensorReader::floats(const std::string& name) const {
    return impl_->reader.all<float>(place(name), shape(name));
}

std::string TensorFile::content_hash() const {
    h5::Manifest manifest;
    manifest.attribute("/", "vtvc_kind", kind);
    manifest.attribute("/", "vtvc_version", version);
    manifest.array("meta", h5::describe_text("meta", {meta}, {}).first);
    for (const auto& [name, tensor] : tensors)
        manifest.array(place(name),
                       h5::describe(place(name), h5_type(tensor.type), tensor.shape, tensor.bytes));
    return manifest.hash();
}

std::string content_hash_of(const std::string& path) {
    if (h5::is_hdf5(path))
        if (auto hash = h5::peek(path, "content_hash"); !hash.empty()) return hash;
    return hash_text(read_text(path));
}

std::string kind_of(const std::filesystem::path& path) {
    auto kind = h5::peek(path, "vtvc_kind");
    if (kind.empty())
        fail<StorageError>("{}: not a file of vtvc (it has no attribute vtvc_kind)", path.string());
    return kind;
}

}  // namespace vtvc
