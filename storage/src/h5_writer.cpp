#include "h5_writer.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>

#include "vtvc/core/run_folder.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc::h5 {

namespace {

constexpr hsize_t kAlignedFrom = hsize_t{1} << 16;
constexpr std::size_t kBesideFrom = std::size_t{1}
                                    << 18;  // shorter arrays are written before a thread is made
constexpr std::uint64_t kVerifiedByThreads = std::uint64_t{1} << 24;

std::vector<hsize_t> extents(const Shape& shape) { return {shape.begin(), shape.end()}; }

Handle space_of(const Shape& shape, const std::filesystem::path& path) {
    const auto sizes = extents(shape);
    const hid_t id = shape.empty() ? H5Screate(H5S_SCALAR)
                                   : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr);
    return own(id, H5Sclose, path, "describe a shape");
}

/// The command line of this process as one line; empty where the system does not tell.
std::string command_line() {
    std::ifstream in("/proc/self/cmdline", std::ios::binary);
    std::string words{std::istreambuf_iterator<char>(in), {}};
    while (!words.empty() && words.back() == '\0') words.pop_back();
    std::replace(words.begin(), words.end(), '\0', ' ');
    words.resize(std::min<std::size_t>(words.size(), 4096));
    return words;
}

std::string now_utc() {
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(now));
}

/// A name is a path of plain parts: "train/images".
void check_name(const std::string& name) {
    std::istringstream parts(name);
    bool good = !name.empty() && name.back() != '/' && name.find('\0') == std::string::npos;
    good = good && name != kIndexName;
    for (std::string part; good && std::getline(parts, part, '/');)
        good = !part.empty() && part != "." && part != "..";
    if (!good)
        fail<StorageError>("'{}' cannot name a tensor (use plain parts joined by single slashes)", name);
}

}  // namespace

Array describe(const std::string& name, Type type, const Shape& shape, std::span<const std::byte> bytes,
               std::int64_t rows_per_checksum) {
    check_name(name);
    Array about{type, type_bytes(type), shape, 1, {}};
    const auto expected = static_cast<std::size_t>(elements_of(shape, name)) * about.item_bytes;
    if (bytes.size() != expected)
        fail<StorageError>("'{}' has {} bytes, its shape {} of {} needs {}", name, bytes.size(),
                           shape_text(shape), type_name(type), expected);
    about.rows_per_checksum =
        rows_per_checksum > 0 ? rows_per_checksum : std::max<std::int64_t>(1, about.rows());
    const auto step = static_cast<std::size_t>(about.rows_per_checksum) * about.row_bytes();
    for (std::int64_t i = 0; i < about.checksum_count(); ++i) {
        const auto first = static_cast<std::size_t>(i) * step;
        about.checksums.push_back(checksum(bytes.subspan(first, std::min(step, bytes.size() - first))));
    }
    return about;
}

std::pair<Array, std::vector<std::byte>> describe_text(const std::string& name,
                                                       const std::vector<std::string>& list,
                                                       const Shape& shape) {
    check_name(name);
    std::size_t width = 1;
    for (const auto& text : list) {
        width = std::max(width, text.size());
        if (text.find('\0') != std::string::npos)
            fail<StorageError>("'{}' holds text with a zero byte", name);
    }
    std::vector<std::byte> bytes(list.size() * width);
    for (std::size_t i = 0; i < list.size(); ++i)
        std::memcpy(bytes.data() + i * width, list[i].data(), list[i].size());
    Array about{Type::text, width, shape, 1, {checksum(bytes)}};
    about.rows_per_checksum = std::max<std::int64_t>(1, about.rows());
    return {std::move(about), std::move(bytes)};
}

std::int64_t rows_per_mib(std::int64_t row_bytes) {
    return std::clamp<std::int64_t>((std::int64_t{1} << 20) / std::max<std::int64_t>(1, row_bytes), 1, 1024);
}

Writer::Writer(const std::filesystem::path& path, const std::string& kind, std::int64_t version,
               std::uint64_t expected_bytes)
    : path_(path), kind_(kind), version_(version), pending_(path, expected_bytes + (std::uint64_t{1} << 16)) {
    const std::scoped_lock lock(library());
    silence();
    const auto access = own(H5Pcreate(H5P_FILE_ACCESS), H5Pclose, path_, "prepare the file");
    // Format 1.8: metadata carry checksums of their own, and attributes may pass 64 KiB.
    check(H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18), path_,
          "choose the file's format");
    check(H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG), path_, "prepare the file");
    // HDF5's tables in few places: opening reads them all, to check them.
    const auto block = std::clamp<std::uint64_t>(expected_bytes / 64, 2048, std::uint64_t{1} << 20);
    check(H5Pset_meta_block_size(access.get(), block), path_, "prepare the file");
    // Long arrays begin at a multiple of cache lines: the system copies them faster from there.
    check(H5Pset_alignment(access.get(), kAlignedFrom, kUserBlock), path_, "prepare the file");
    const auto creation = own(H5Pcreate(H5P_FILE_CREATE), H5Pclose, path_, "prepare the file");
    check(H5Pset_userblock(creation.get(), kUserBlock), path_, "prepare the file");
    // The temporary has a name of its own: no other process can meet it, and some shared disks have no locks.
    check(H5Pset_file_locking(access.get(), false, true), path_, "prepare the file");
    file_ = own(H5Fcreate(pending_.temporary().c_str(), H5F_ACC_TRUNC, creation.get(), access.get()),
                H5Fclose, path_, "create the file");
    links_ = own(H5Pcreate(H5P_LINK_CREATE), H5Pclose, path_, "prepare names");
    check(H5Pset_create_intermediate_group(links_.get(), 1), path_, "prepare names");
    check(H5Pset_char_encoding(links_.get(), H5T_CSET_UTF8), path_, "prepare names");
    attribute("/", "vtvc_kind", kind);
    attribute("/", "vtvc_version", version);
    attribute("/", "code_version", code_version());
    attribute("/", "created", now_utc());
    attribute("/", "command", command_line());
}

Handle Writer::group(const std::string& name) {
    if (name != "/" && groups_.insert(name).second)
        return own(H5Gcreate2(file_.get(), name.c_str(), links_.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose,
                   path_, "make group " + name);
    return own(H5Gopen2(file_.get(), name.c_str(), H5P_DEFAULT), H5Gclose, path_, "open group " + name);
}

void Writer::put_attribute(hid_t object, const std::string& name, Type type, std::size_t item_bytes,
                           const Shape& shape, const void* bytes) {
    const auto item = item_type(type, item_bytes, path_);
    const auto space = space_of(shape, path_);
    auto made = own(H5Acreate2(object, name.c_str(), item.get(), space.get(), H5P_DEFAULT, H5P_DEFAULT),
                    H5Aclose, path_, "make attribute " + name);
    check(H5Awrite(made.get(), item.get(), bytes), path_, "write attribute " + name);
    check(made.close(), path_, "close attribute " + name);
}

void Writer::put_value(hid_t object, const std::string& name, const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
        const auto [about, bytes] = describe_text(name, {*text}, {});
        put_attribute(object, name, Type::text, about.item_bytes, {}, bytes.data());
    } else if (const auto* list = std::get_if<std::vector<std::string>>(&value)) {
        const Shape shape{static_cast<std::int64_t>(list->size())};
        const auto [about, bytes] = describe_text(name, *list, shape);
        put_attribute(object, name, Type::text, about.item_bytes, shape, bytes.data());
    } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
        put_attribute(object, name, Type::i64, sizeof *number, {}, number);
    } else {
        const auto& reals = std::get<Reals>(value);
        put_attribute(object, name, Type::f64, sizeof(double), reals.shape, reals.values.data());
    }
}

void Writer::attribute(const std::string& object, const std::string& name, const Value& value) {
    const std::scoped_lock lock(library());
    auto place = group(object);
    put_value(place.get(), name, value);
    check(place.close(), path_, "close group " + object);
    index_.attributes[{object, name}] = value;
}

void Writer::write(const std::string& name, Array about, std::span<const std::byte> bytes) {
    const std::scoped_lock lock(library());
    const auto item = item_type(about.type, about.item_bytes, path_);
    const auto space = space_of(about.shape, path_);
    auto made = own(H5Dcreate2(file_.get(), name.c_str(), item.get(), space.get(), links_.get(), H5P_DEFAULT,
                               H5P_DEFAULT),
                    H5Dclose, path_, "make dataset " + name);
    if (!bytes.empty())
        check(H5Dwrite(made.get(), item.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()), path_,
              "write dataset " + name);
    seal(made, name, std::move(about));
}

void Writer::seal(Handle& dataset, const std::string& name, Array about) {
    about.offset = about.bytes() > 0 ? H5Dget_offset(dataset.get()) : 0;
    std::vector<std::string> sums;
    sums.reserve(about.checksums.size());
    for (const auto& sum : about.checksums) sums.push_back(sum.hex());
    put_value(dataset.get(), "xxh3", sums);
    put_value(dataset.get(), "xxh3_rows", about.rows_per_checksum);
    check(dataset.close(), path_, "close dataset " + name);
    index_.arrays[name] = std::move(about);
}

Handle Writer::make_room(const std::string& name, const Array& about) {
    const auto item = item_type(about.type, about.item_bytes, path_);
    const auto space = space_of(about.shape, path_);
    const auto plan = own(H5Pcreate(H5P_DATASET_CREATE), H5Pclose, path_, "prepare a dataset");
    check(H5Pset_alloc_time(plan.get(), H5D_ALLOC_TIME_EARLY), path_, "prepare a dataset");
    check(H5Pset_fill_time(plan.get(), H5D_FILL_TIME_NEVER), path_, "prepare a dataset");
    return own(
        H5Dcreate2(file_.get(), name.c_str(), item.get(), space.get(), links_.get(), plan.get(), H5P_DEFAULT),
        H5Dclose, path_, "make dataset " + name);
}

void Writer::array_beside(const std::string& name, const Shape& shape,
                          std::shared_ptr<const std::vector<float>> values, std::int64_t rows_per_checksum) {
    const auto bytes = std::as_bytes(std::span(*values));
    if (bytes.size() < kBesideFrom) return array(name, Type::f32, shape, bytes, rows_per_checksum);
    auto about = describe(name, Type::f32, shape, bytes, rows_per_checksum);
    std::uint64_t offset = 0;
    {
        const std::scoped_lock lock(library());
        auto made = make_room(name, about);
        offset = H5Dget_offset(made.get());
        seal(made, name, std::move(about));
    }
    if (!beside_file_) beside_file_.emplace(OutFile::open(pending_.temporary()));
    beside_.start([file = &*beside_file_, offset, kept = std::move(values)] {
        constexpr std::size_t at_once = std::size_t{1} << 22;
        auto left = std::as_bytes(std::span(*kept));
        for (auto at = offset; !left.empty();) {
            const auto part = left.first(std::min(at_once, left.size()));
            file->write(at, part);
            file->start_writeback(at, part.size());
            at += part.size();
            left = left.subspan(part.size());
        }
    });
}

void Writer::text(const std::string& name, const std::string& value) {
    const auto [about, bytes] = describe_text(name, {value}, {});
    write(name, about, bytes);
}

void Writer::texts(const std::string& name, const std::vector<std::string>& list) {
    const auto [about, bytes] = describe_text(name, list, {static_cast<std::int64_t>(list.size())});
    write(name, about, bytes);
}

void Writer::array(const std::string& name, Type type, const Shape& shape, std::span<const std::byte> bytes,
                   std::int64_t rows_per_checksum) {
    write(name, describe(name, type, shape, bytes, rows_per_checksum), bytes);
}

/// Room for the index, which is written when all else is in place. Returns where it lies.
std::uint64_t Writer::reserve_index() {
    const auto bytes = static_cast<std::int64_t>(to_bytes(index_).size());
    auto made = make_room(kIndexName, Array{Type::u8, 1, {bytes}, 1, {}, 0});
    const auto offset = H5Dget_offset(made.get());
    check(made.close(), path_, "close the index");
    return offset;
}

void Writer::finish() {
    beside_.wait();
    if (beside_file_) beside_file_->close();
    const std::scoped_lock lock(library());
    attribute("/", "content_hash", index_.content_hash());
    const auto offset = reserve_index();
    check(H5Fflush(file_.get(), H5F_SCOPE_LOCAL), path_, "flush the file");
    check(file_.close(), path_, "close the file");
    const auto temporary = pending_.temporary();
    write_index(temporary, index_, offset, fmt::format("{} {}", kind_, version_));
    Background disk;
    disk.start([this] { pending_.sync(); });
    verify_written(temporary);
    disk.wait();
    pending_.commit();
}

/// Reads everything back: some disks report success for what they did not keep.
void Writer::verify_written(const std::filesystem::path& temporary) const {
    const auto found = read_index(File::open(temporary));
    if (!found)
        fail<StorageError>("{}: does not read back as it was written; is the disk full or failing?",
                           path_.string());
    const bool is_long = found->file_bytes >= kVerifiedByThreads;
    const auto threads =
        is_long ? std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 4) : 1;
    const auto report = verify_file(temporary, threads);
    if (report.whole()) return;
    auto problem = report.damage;
    for (const auto& part : report.parts)
        if (problem.empty()) problem = part.problem;
    fail<StorageError>("{}: does not read back as it was written ({}); is the disk full or failing?",
                       path_.string(), problem);
}

}  // namespace vtvc::h5
