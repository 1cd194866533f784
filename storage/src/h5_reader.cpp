#include "h5_reader.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>

namespace vtvc::h5 {

namespace {

constexpr std::array<Type, 7> kNumbers{Type::f32, Type::f64, Type::i32, Type::i64,
                                       Type::u8,  Type::i8,  Type::bf16};
constexpr int kDeepest = 16;                     // groups in groups; ours need 4
constexpr std::size_t kMostObjects = 1'000'000;  // stops a damaged tree that repeats itself

struct Link {
    std::string name;
    H5L_type_t type;
};

// Listing is in H5_ITER_NATIVE order: for any other HDF5 1.10 fills a table first, and when a damaged group
// stops it half-way it frees the entries that it had not filled. Names are sorted by the maps that keep them.
// Exceptions must not cross HDF5's C frames: failing to remember a name stops the iteration with an error.
herr_t take_link(hid_t, const char* name, const H5L_info_t* info, void* out) {
    try {
        static_cast<std::vector<Link>*>(out)->push_back({name, info->type});
        return 0;
    } catch (...) {
        return -1;
    }
}

herr_t take_attribute(hid_t, const char* name, const H5A_info_t*, void* out) {
    try {
        static_cast<std::vector<std::string>*>(out)->emplace_back(name);
        return 0;
    } catch (...) {
        return -1;
    }
}

std::string unpadded(const std::byte* bytes, std::size_t width) {
    const auto* text = reinterpret_cast<const char*>(bytes);
    return {text, strnlen(text, width)};
}

std::vector<std::string> split_texts(std::span<const std::byte> bytes, std::size_t width) {
    std::vector<std::string> list;
    for (std::size_t at = 0; at < bytes.size(); at += width)
        list.push_back(unpadded(bytes.data() + at, width));
    return list;
}

Handle open_file(const std::filesystem::path& path) {
    silence();
    if (!is_hdf5(path))
        fail<StorageError>("{}: not an HDF5 file (was it cut, or is it of another program?)", path.string());
    const auto access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, "prepare reading");
    check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), path, "prepare reading");
    check(H5Pset_file_locking(access.get(), false, true), path,
          "prepare reading");  // files never change in place
    return own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, path,
               "open the file, was it cut or damaged? Make or copy it again");
}

}  // namespace

bool is_hdf5(const std::filesystem::path& path) {
    constexpr std::array<char, 8> signature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    std::error_code error;
    if (!std::filesystem::exists(path, error)) fail<StorageError>("{}: no such file", path.string());
    if (!std::filesystem::is_regular_file(path, error))
        fail<StorageError>("{}: not a regular file", path.string());
    std::ifstream in(path, std::ios::binary);
    if (!in) fail<StorageError>("{}: cannot be read (check its permissions)", path.string());
    std::array<char, 8> start{};
    in.read(start.data(), start.size());
    return in.gcount() == 8 && start == signature;
}

Reader Reader::open(const std::filesystem::path& path, const std::string& kind, std::int64_t version) {
    Reader reader;
    reader.path_ = path.string();
    reader.file_ = open_file(path);
    reader.file_bytes_ = std::filesystem::file_size(path);
    const auto root =
        own(H5Gopen2(reader.file_.get(), "/", H5P_DEFAULT), H5Gclose, path, "open the root group");
    reader.add_attributes(root.get(), "/");
    if (!reader.attributes_.contains({"/", "vtvc_kind"}))
        reader.refuse("not a file of vtvc (it has no attribute vtvc_kind)");
    if (const auto& found = reader.text_attribute("/", "vtvc_kind"); found != kind)
        reader.refuse("is a '{}' file, a '{}' file is needed here", found, kind);
    if (const auto found = reader.integer("/", "vtvc_version"); found != version)
        reader.refuse(
            "has version {} of the '{}' format, this program reads version {}; make it again or use the "
            "program that wrote it ({})",
            found, kind, version, reader.text_attribute("/", "code_version"));
    reader.walk(root.get(), "", 0);
    Manifest manifest;
    for (const auto& [key, value] : reader.attributes_) manifest.attribute(key.first, key.second, value);
    for (const auto& [name, array] : reader.arrays_) manifest.array(name, array);
    if (manifest.hash() != reader.content_hash())
        reader.refuse(
            "its parts do not match its content hash (damaged or edited after it was written); make or copy "
            "it again");
    return reader;
}

void Reader::walk(hid_t group, const std::string& name, int depth) {
    if (depth > kDeepest) refuse("group '{}' is nested deeper than any file of ours", name);
    std::vector<Link> links;
    check(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_link, &links), path_,
          "list group /" + name);
    for (const auto& link : links) {
        const auto full = name.empty() ? link.name : name + "/" + link.name;
        if (arrays_.size() + attributes_.size() > kMostObjects)
            refuse("holds too many objects to be a file of ours");
        if (link.type != H5L_TYPE_HARD) refuse("'{}' is a link to elsewhere; files of ours hold none", full);
        const auto object =
            own(H5Oopen(group, link.name.c_str(), H5P_DEFAULT), H5Oclose, path_, "open /" + full);
        switch (H5Iget_type(object.get())) {
            case H5I_GROUP:
                add_attributes(object.get(), full);
                walk(object.get(), full, depth + 1);
                break;
            case H5I_DATASET:
                add_array(object.get(), full);
                break;
            default:
                refuse("'{}' is neither group nor dataset", full);
        }
    }
}

Value Reader::read_value(hid_t object, const std::string& name) const {
    const auto attr =
        own(H5Aopen(object, name.c_str(), H5P_DEFAULT), H5Aclose, path_, "open attribute " + name);
    const auto item = own(H5Aget_type(attr.get()), H5Tclose, path_, "read the type of attribute " + name);
    const auto space = own(H5Aget_space(attr.get()), H5Sclose, path_, "read the shape of attribute " + name);
    const auto count =
        check(H5Sget_simple_extent_npoints(space.get()), path_, "read the shape of attribute " + name);
    const auto width = H5Tget_size(item.get());
    if (width == 0 || width > file_bytes_ || static_cast<std::uint64_t>(count) > file_bytes_ / width)
        refuse("attribute {} claims more bytes than the file has", name);
    const bool scalar =
        check(H5Sget_simple_extent_ndims(space.get()), path_, "read the shape of " + name) == 0;
    std::vector<std::byte> bytes(static_cast<std::size_t>(count) * width);
    const auto load = [&] {
        if (!bytes.empty())
            check(H5Aread(attr.get(), item.get(), bytes.data()), path_, "read attribute " + name);
    };
    if (H5Tget_class(item.get()) == H5T_STRING && H5Tis_variable_str(item.get()) == 0) {
        load();
        auto list = split_texts(bytes, width);
        return scalar ? Value(std::move(list.at(0))) : Value(std::move(list));
    }
    if (scalar && H5Tequal(item.get(), H5T_STD_I64LE) > 0) {
        load();
        std::int64_t number = 0;
        std::memcpy(&number, bytes.data(), sizeof number);
        return number;
    }
    if (H5Tequal(item.get(), H5T_IEEE_F64LE) > 0) {
        load();
        std::vector<hsize_t> sizes(static_cast<std::size_t>(H5Sget_simple_extent_ndims(space.get())));
        check(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr), path_,
              "read the shape of " + name);
        Reals reals{{sizes.begin(), sizes.end()}, std::vector<double>(static_cast<std::size_t>(count))};
        if (!bytes.empty()) std::memcpy(reals.values.data(), bytes.data(), bytes.size());
        return reals;
    }
    refuse("attribute {} has a type that files of ours do not use", name);
}

void Reader::add_attributes(hid_t object, const std::string& name) {
    std::vector<std::string> names;
    check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_attribute, &names), path_,
          "list the attributes of " + name);
    for (const auto& attr : names) attributes_[{name, attr}] = read_value(object, attr);
}

void Reader::add_array(hid_t dataset, const std::string& name) {
    Array array;
    const auto item = own(H5Dget_type(dataset), H5Tclose, path_, "read the type of " + name);
    array.item_bytes = H5Tget_size(item.get());
    if (H5Tget_class(item.get()) == H5T_STRING && H5Tis_variable_str(item.get()) == 0 &&
        array.item_bytes > 0) {
        array.type = Type::text;
    } else {
        const auto found = std::find_if(kNumbers.begin(), kNumbers.end(), [&](Type type) {
            return H5Tequal(item.get(), item_type(type, 0, path_).get()) > 0;
        });
        if (found == kNumbers.end()) refuse("'{}' has a type that files of ours do not use", name);
        array.type = *found;
    }
    const auto space = own(H5Dget_space(dataset), H5Sclose, path_, "read the shape of " + name);
    const int rank = check(H5Sget_simple_extent_ndims(space.get()), path_, "read the shape of " + name);
    std::vector<hsize_t> sizes(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space.get(), sizes.data(), nullptr), path_, "read the shape of " + name);
    array.shape.assign(sizes.begin(), sizes.end());

    // The values must lie in this file as one run of bytes: then no size can be larger than the file.
    const auto elements = static_cast<std::uint64_t>(elements_of(array.shape, path_ + ": '" + name + "'"));
    const auto plan = own(H5Dget_create_plist(dataset), H5Pclose, path_, "read the layout of " + name);
    if (array.item_bytes > file_bytes_ || elements > file_bytes_ / array.item_bytes ||
        H5Pget_layout(plan.get()) != H5D_CONTIGUOUS || H5Pget_external_count(plan.get()) != 0 ||
        H5Pget_nfilters(plan.get()) != 0)
        refuse("'{}' of shape {} does not lie in the file as one run of bytes (cut, or not written by vtvc)",
               name, shape_text(array.shape));
    const auto bytes = elements * array.item_bytes;
    const auto offset = H5Dget_offset(dataset);
    if (bytes > 0 &&
        (H5Dget_storage_size(dataset) != bytes || offset == HADDR_UNDEF || offset > file_bytes_ - bytes))
        refuse("'{}' ends beyond the file ({} bytes from {}, the file has {}); was it cut?", name, bytes,
               offset, file_bytes_);

    const auto rows = read_value(dataset, "xxh3_rows");
    auto sums = read_value(dataset, "xxh3");
    const auto* step = std::get_if<std::int64_t>(&rows);
    auto* list = std::get_if<std::vector<std::string>>(&sums);
    if (step == nullptr || *step < 1 || list == nullptr) refuse("'{}' has no usable checksums", name);
    array.rows_per_checksum = std::min(*step, std::max<std::int64_t>(1, array.rows()));
    if (array.checksum_count() != static_cast<std::int64_t>(list->size()))
        refuse("'{}' has {} checksums, its {} rows need {}", name, list->size(), array.rows(),
               array.checksum_count());
    array.rows_per_checksum = *step;
    array.checksums = std::move(*list);
    arrays_.emplace(name, std::move(array));
}

const Value& Reader::attribute(const std::string& object, const std::string& name) const {
    const auto found = attributes_.find({object, name});
    if (found == attributes_.end()) refuse("'{}' has no attribute {}; make the file again", object, name);
    return found->second;
}

const std::string& Reader::text_attribute(const std::string& object, const std::string& name) const {
    const auto* value = std::get_if<std::string>(&attribute(object, name));
    if (value == nullptr) refuse("attribute {} of '{}' is not text", name, object);
    return *value;
}

std::int64_t Reader::integer(const std::string& object, const std::string& name) const {
    const auto* value = std::get_if<std::int64_t>(&attribute(object, name));
    if (value == nullptr) refuse("attribute {} of '{}' is not a whole number", name, object);
    return *value;
}

const Reals& Reader::reals(const std::string& object, const std::string& name, const Shape& shape) const {
    const auto* value = std::get_if<Reals>(&attribute(object, name));
    if (value == nullptr || value->shape != shape)
        refuse("attribute {} of '{}' is not an array of real numbers of shape {}", name, object,
               shape_text(shape));
    return *value;
}

const Array& Reader::about(const std::string& name) const {
    const auto found = arrays_.find(name);
    if (found == arrays_.end()) refuse("'{}' is missing; make the file again", name);
    return found->second;
}

const Array& Reader::expect(const std::string& name, Type type, const Shape& shape) const {
    const Array& found = about(name);
    const bool fits =
        found.type == type &&
        std::equal(shape.begin(), shape.end(), found.shape.begin(), found.shape.end(),
                   [](std::int64_t wanted, std::int64_t is) { return wanted < 0 || wanted == is; });
    if (!fits)
        refuse("'{}' is {} of shape {}, {} of shape {} is needed", name, type_name(found.type),
               shape_text(found.shape), type_name(type), shape_text(shape));
    return found;
}

std::vector<std::string> Reader::names(const std::string& group) const {
    const auto prefix = group + "/";
    std::vector<std::string> list;
    for (auto at = arrays_.lower_bound(prefix); at != arrays_.end() && at->first.starts_with(prefix); ++at)
        list.push_back(at->first.substr(prefix.size()));
    return list;
}

std::string Reader::text(const std::string& name) const {
    const Array& known = expect(name, Type::text, {});
    std::vector<std::byte> bytes(known.bytes());
    read(name, 0, 1, bytes);
    return unpadded(bytes.data(), bytes.size());
}

std::vector<std::string> Reader::texts(const std::string& name) const {
    const Array& known = expect(name, Type::text, {-1});
    std::vector<std::byte> bytes(known.bytes());
    read(name, 0, known.rows(), bytes);
    return split_texts(bytes, known.item_bytes);
}

void Reader::check_rows(const std::string& name, std::int64_t first, std::int64_t count) const {
    const auto rows = about(name).rows();
    if (first < 0 || count < 0 || first > rows || count > rows - first)
        refuse("rows [{}, {} + {}) of '{}' asked for, it has {}", first, first, count, name, rows);
}

void Reader::read(const std::string& name, std::int64_t first, std::int64_t count,
                  std::span<std::byte> out) const {
    const Array& known = about(name);
    check_rows(name, first, count);
    const auto row_bytes = known.row_bytes();
    if (out.size() != static_cast<std::size_t>(count) * row_bytes)
        refuse("{} rows of '{}' have {} bytes, room for {} was given", count, name,
               static_cast<std::size_t>(count) * row_bytes, out.size());
    const auto item = item_type(known.type, known.item_bytes, path_);
    const auto dataset =
        own(H5Dopen2(file_.get(), name.c_str(), H5P_DEFAULT), H5Dclose, path_, "open " + name);
    const auto space = own(H5Dget_space(dataset.get()), H5Sclose, path_, "read the shape of " + name);
    std::vector<hsize_t> start(known.shape.size(), 0), extent(known.shape.begin(), known.shape.end());

    // Whole checksum units are read: in place where they are wanted whole, through a buffer at the two ends.
    std::vector<std::byte> buffer;
    const auto step = std::min(known.rows_per_checksum, std::max<std::int64_t>(1, known.rows()));
    for (auto unit = first / step; unit * step < first + count; ++unit) {
        const auto low = unit * step, high = std::min(low + step, known.rows());
        const auto from = std::max(low, first), to = std::min(high, first + count);
        const auto bytes = static_cast<std::size_t>(high - low) * row_bytes;
        const auto wanted = out.subspan(static_cast<std::size_t>(from - first) * row_bytes,
                                        static_cast<std::size_t>(to - from) * row_bytes);
        const bool whole = wanted.size() == bytes;
        if (!whole) buffer.resize(bytes);
        const auto target = whole ? wanted : std::span(buffer);
        if (bytes > 0) {
            hid_t from_space = H5S_ALL, to_space = H5S_ALL;
            Handle memory;
            if (!start.empty()) {
                start[0] = static_cast<hsize_t>(low);
                extent[0] = static_cast<hsize_t>(high - low);
                check(H5Sselect_hyperslab(space.get(), H5S_SELECT_SET, start.data(), nullptr, extent.data(),
                                          nullptr),
                      path_, "choose rows of " + name);
                memory = own(H5Screate_simple(static_cast<int>(extent.size()), extent.data(), nullptr),
                             H5Sclose, path_, "describe rows of " + name);
                from_space = space.get();
                to_space = memory.get();
            }
            check(H5Dread(dataset.get(), item.get(), to_space, from_space, H5P_DEFAULT, target.data()), path_,
                  "read " + name);
        }
        if (checksum(target) != known.checksums[static_cast<std::size_t>(unit)])
            refuse(
                "rows {} to {} of '{}' do not match their checksum (the file was damaged after it was "
                "written); make "
                "or copy it again",
                low, high, name);
        if (!whole)
            std::copy_n(buffer.begin() + (from - low) * static_cast<std::ptrdiff_t>(row_bytes), wanted.size(),
                        wanted.begin());
    }
}

std::string peek(const std::filesystem::path& path, const std::string& attribute) {
    const auto file = open_file(path);
    if (check(H5Aexists(file.get(), attribute.c_str()), path, "look up attribute " + attribute) == 0)
        return "";
    const auto attr =
        own(H5Aopen(file.get(), attribute.c_str(), H5P_DEFAULT), H5Aclose, path, "open " + attribute);
    const auto item = own(H5Aget_type(attr.get()), H5Tclose, path, "read the type of " + attribute);
    const auto width = H5Tget_size(item.get());
    const auto space = own(H5Aget_space(attr.get()), H5Sclose, path, "read the shape of " + attribute);
    if (H5Tget_class(item.get()) != H5T_STRING || H5Tis_variable_str(item.get()) != 0 || width > 4096 ||
        H5Sget_simple_extent_npoints(space.get()) != 1)
        fail<StorageError>("{}: attribute {} is not a short text; was the file written by vtvc?",
                           path.string(), attribute);
    std::vector<std::byte> bytes(width);
    check(H5Aread(attr.get(), item.get(), bytes.data()), path, "read " + attribute);
    return unpadded(bytes.data(), width);
}

}  // namespace vtvc::h5
