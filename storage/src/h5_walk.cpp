#include "h5_walk.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "child.hpp"

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

std::vector<std::string> split_texts(std::span<const std::byte> bytes, std::size_t width) {
    std::vector<std::string> list;
    for (std::size_t at = 0; at < bytes.size(); at += width)
        list.push_back(unpadded(bytes.data() + at, width));
    return list;
}

Handle open_file(const std::filesystem::path& path) {
    silence();
    const auto access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path, "prepare reading");
    check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), path, "prepare reading");
    check(H5Pset_file_locking(access.get(), false, true), path,
          "prepare reading");  // files never change in place
    return own(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access.get()), H5Fclose, path,
               "open the file, was it cut or damaged? Make or copy it again");
}

/// One walk: gathers the tree into an index.
class Walk {
  public:
    explicit Walk(const File& file)
        : path_(file.path()), file_bytes_(file.bytes()), file_(open_file(path_)) {}
    Index whole(const std::string& kind, std::int64_t version);

  private:
    template <class... Args>
    [[noreturn]] void refuse(fmt::format_string<Args...> text, Args&&... args) const {
        throw StorageError(path_ + ": " + fmt::format(text, std::forward<Args>(args)...));
    }
    void walk(hid_t group, const std::string& name, int depth);
    void add_attributes(hid_t object, const std::string& name);
    void add_array(hid_t dataset, const std::string& name);
    Value read_value(hid_t object, const std::string& name) const;
    Digest digest_of(const std::string& text, const std::string& name) const;

    std::string path_;
    std::uint64_t file_bytes_;
    Handle file_;
    Index index_;
};

Index Walk::whole(const std::string& kind, std::int64_t version) {
    const auto root = own(H5Gopen2(file_.get(), "/", H5P_DEFAULT), H5Gclose, path_, "open the root group");
    add_attributes(root.get(), "/");
    check_kind(index_, path_, kind, version);
    walk(root.get(), "", 0);
    index_.file_bytes = file_bytes_;
    const auto recorded = index_.attributes.find({"/", "content_hash"});
    const auto* hash =
        recorded == index_.attributes.end() ? nullptr : std::get_if<std::string>(&recorded->second);
    if (hash == nullptr || *hash != index_.content_hash())
        refuse(
            "its parts do not match its content hash (damaged or edited after it was written); make or copy "
            "it again");
    return std::move(index_);
}

Digest Walk::digest_of(const std::string& text, const std::string& name) const {
    Digest digest;
    const char* const middle = text.data() + 16;
    if (text.size() != 32 || std::from_chars(text.data(), middle, digest.high, 16).ptr != middle ||
        std::from_chars(middle, middle + 16, digest.low, 16).ptr != middle + 16)
        refuse("'{}' has a checksum that is none: '{}'", name, text);
    return digest;
}

void Walk::walk(hid_t group, const std::string& name, int depth) {
    if (depth > kDeepest) refuse("group '{}' is nested deeper than any file of ours", name);
    std::vector<Link> links;
    check(H5Literate(group, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_link, &links), path_,
          "list group /" + name);
    for (const auto& link : links) {
        const auto full = name.empty() ? link.name : name + "/" + link.name;
        if (full == kIndexName) continue;  // it tells of the others
        if (index_.arrays.size() + index_.attributes.size() > kMostObjects)
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

Value Walk::read_value(hid_t object, const std::string& name) const {
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
    if (scalar && count != 1) refuse("attribute {} holds nothing", name);  // HDF5 has a shape for that
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

void Walk::add_attributes(hid_t object, const std::string& name) {
    std::vector<std::string> names;
    check(H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_NATIVE, nullptr, take_attribute, &names), path_,
          "list the attributes of " + name);
    for (const auto& attr : names) index_.attributes[{name, attr}] = read_value(object, attr);
}

void Walk::add_array(hid_t dataset, const std::string& name) {
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
    array.offset = bytes > 0 ? offset : 0;

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
    for (const auto& text : *list) array.checksums.push_back(digest_of(text, name));
    index_.arrays.emplace(name, std::move(array));
}

std::string peek(const std::string& path, const std::string& attribute) {
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
        fail<StorageError>("{}: attribute {} is not a short text; was the file written by vtvc?", path,
                           attribute);
    std::vector<std::byte> bytes(width);
    check(H5Aread(attr.get(), item.get(), bytes.data()), path, "read " + attribute);
    return unpadded(bytes.data(), width);
}

}  // namespace

Index walk(const File& file, const std::string& kind, std::int64_t version) {
    const std::scoped_lock lock(library());
    return Walk(file).whole(kind, version);
}

Index walk_in_child(const File& file, const std::string& kind, std::int64_t version) {
    const std::scoped_lock lock(library());
    const auto answer = in_limited_child(file.path(), [&] {
        const auto bytes = to_bytes(Walk(file).whole(kind, version));  // the lock is the parent's
        return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    });
    return parse_index(std::as_bytes(std::span(answer)), file.path(), file.bytes());
}

std::string peek_in_child(const File& file, const std::string& attribute) {
    const std::scoped_lock lock(library());
    return in_limited_child(file.path(), [&] { return peek(file.path(), attribute); });
}

}  // namespace vtvc::h5
