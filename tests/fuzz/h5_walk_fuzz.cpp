// What HDF5 says of a file that other programs may have made: HDF5 itself writes one, of any types, shapes,
// layouts, attributes and links, and our walk interprets it. So HDF5 meets only files of its own (against
// damage in its tables it is not safe, and is asked in a child: storage/src/h5_walk.hpp), and our code meets
// everything it can be told.
#include "described_file.hpp"
#include "fuzz.hpp"
#include "h5_walk.hpp"
#include "own_samples.hpp"

namespace {

namespace h5 = vtvc::h5;
using h5::Handle;
using vtvc::fuzz::Pieces;

constexpr std::size_t kMostBytes = 4096;  // of one array
constexpr std::int64_t kMostNumbers = 256;

std::int64_t elements_in(const h5::Shape& shape, std::int64_t most) {
    std::int64_t product = 1;
    for (const auto size : shape)
        if (size < 0 || __builtin_mul_overflow(product, size, &product)) return -1;
    return product <= most ? product : -1;
}

Handle space_of(const h5::Shape& shape) {
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    return {shape.empty() ? H5Screate(H5S_SCALAR)
                          : H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr),
            H5Sclose};
}

/// Types that files of ours do not use.
Handle strange_type(std::uint8_t which) {
    switch (which % 7) {
        case 0:
            return {H5Tcopy(H5T_STD_I32BE), H5Tclose};
        case 1:
            return {H5Tcopy(H5T_IEEE_F64BE), H5Tclose};
        case 2:
            return {H5Tcopy(H5T_STD_I16LE), H5Tclose};
        case 3: {
            Handle text(H5Tcopy(H5T_C_S1), H5Tclose);
            (void)H5Tset_size(text.get(), H5T_VARIABLE);
            return text;
        }
        case 4:
            return {H5Tcreate(H5T_OPAQUE, 3), H5Tclose};
        case 5: {
            Handle pair(H5Tcreate(H5T_COMPOUND, 16), H5Tclose);
            (void)H5Tinsert(pair.get(), "a", 0, H5T_STD_I64LE);
            (void)H5Tinsert(pair.get(), "b", 8, H5T_IEEE_F64LE);
            return pair;
        }
        default: {
            const hsize_t two = 2;
            return {H5Tarray_create2(H5T_IEEE_F64LE, 1, &two), H5Tclose};
        }
    }
}

class Maker {
  public:
    explicit Maker(const std::filesystem::path& path) : path_(path) {
        h5::silence();
        const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
        (void)H5Pset_libver_bounds(access.get(), H5F_LIBVER_V18, H5F_LIBVER_V18);
        (void)H5Pset_fclose_degree(access.get(), H5F_CLOSE_STRONG);
        file_ = Handle(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access.get()), H5Fclose);
        links_ = Handle(H5Pcreate(H5P_LINK_CREATE), H5Pclose);
        (void)H5Pset_create_intermediate_group(links_.get(), 1);
    }

    void add_all(Pieces pieces) {
        while (pieces.more()) switch (pieces.number() % 5) {
                case 0:
                    add_attribute(pieces);
                    break;
                case 1:
                    add_array(pieces);
                    break;
                case 2:
                    add_strange_attribute(pieces);
                    break;
                case 3:
                    add_strange_array(pieces);
                    break;
                default:
                    add_link(pieces);
            }
    }

    /// The attributes that a file of ours needs, where they are not there yet.
    void finish() {
        put(file_.get(), "/", "vtvc_kind", std::string("thing"));
        put(file_.get(), "/", "vtvc_version", std::int64_t{1});
        put(file_.get(), "/", "content_hash", index_.content_hash());
        (void)file_.close();
    }

  private:
    Handle object(const std::string& name) {
        if (name == "/") return {H5Oopen(file_.get(), "/", H5P_DEFAULT), H5Oclose};
        Handle there(H5Oopen(file_.get(), name.c_str(), H5P_DEFAULT), H5Oclose);
        if (there.get() >= 0) return there;
        return {H5Gcreate2(file_.get(), name.c_str(), links_.get(), H5P_DEFAULT, H5P_DEFAULT), H5Gclose};
    }
    bool put_raw(hid_t place, const std::string& name, hid_t type, const Handle& space, const void* bytes) {
        const Handle made(H5Acreate2(place, name.c_str(), type, space.get(), H5P_DEFAULT, H5P_DEFAULT),
                          H5Aclose);
        return made.get() >= 0 && (bytes == nullptr || H5Awrite(made.get(), type, bytes) >= 0);
    }
    void put(hid_t place, const std::string& object, const std::string& name, const h5::Value& value) {
        bool done = false;
        if (const auto* number = std::get_if<std::int64_t>(&value)) {
            done = put_raw(place, name, H5T_STD_I64LE, space_of({}), number);
        } else if (const auto* reals = std::get_if<h5::Reals>(&value)) {
            done = put_raw(place, name, H5T_IEEE_F64LE, space_of(reals->shape), reals->values.data());
        } else {
            const auto* one = std::get_if<std::string>(&value);
            const auto list = one != nullptr ? std::vector{*one} : std::get<std::vector<std::string>>(value);
            std::size_t width = 1;
            for (const auto& text : list) width = std::max(width, text.size());
            std::string bytes(width * list.size(), '\0');
            for (std::size_t i = 0; i < list.size(); ++i) bytes.replace(i * width, list[i].size(), list[i]);
            const auto type = h5::item_type(h5::Type::text, width, path_);
            const h5::Shape shape =
                one != nullptr ? h5::Shape{} : h5::Shape{static_cast<std::int64_t>(list.size())};
            done = put_raw(place, name, type.get(), space_of(shape), bytes.data());
        }
        if (done) index_.attributes[{object, name}] = value;
    }

    void add_attribute(Pieces& pieces) {
        const auto name = pieces.text(), attribute = pieces.text();
        const auto place = object(name);
        switch (pieces.number() % 4) {
            case 0:
                return put(place.get(), name, attribute, pieces.text());
            case 1:
                return put(place.get(), name, attribute, pieces.number<std::int64_t>());
            case 2: {
                h5::Reals reals{pieces.shape(3), {}};
                const auto count = elements_in(reals.shape, kMostNumbers);
                for (std::int64_t i = 0; i < count; ++i) reals.values.push_back(pieces.number<double>());
                if (count >= 0) put(place.get(), name, attribute, reals);
                return;
            }
            default: {
                std::vector<std::string> list(pieces.number());
                for (auto& text : list) text = pieces.text();
                put(place.get(), name, attribute, list);
            }
        }
    }

    void add_array(Pieces& pieces) {
        const auto name = pieces.text();
        h5::Array array;
        array.type = static_cast<h5::Type>(pieces.number() % (static_cast<int>(h5::Type::bf16) + 1));
        array.item_bytes = array.type == h5::Type::text
                               ? std::max<std::size_t>(1, pieces.number<std::uint16_t>())
                               : h5::type_bytes(array.type);
        array.shape = pieces.shape(4);
        array.rows_per_checksum = pieces.size();
        const auto given = pieces.raw(pieces.number<std::uint16_t>());
        const auto elements =
            elements_in(array.shape, static_cast<std::int64_t>(kMostBytes / array.item_bytes));
        const auto type = h5::item_type(array.type, array.item_bytes, path_);
        const Handle made(H5Dcreate2(file_.get(), name.c_str(), type.get(), space_of(array.shape).get(),
                                     links_.get(), H5P_DEFAULT, H5P_DEFAULT),
                          H5Dclose);
        if (made.get() < 0) return;
        std::string data(elements < 0 ? 0 : static_cast<std::size_t>(elements) * array.item_bytes, '\0');
        for (std::size_t i = 0; i < data.size() && !given.empty(); ++i)
            data[i] = static_cast<char>(given[i % given.size()]);
        if (!data.empty()) (void)H5Dwrite(made.get(), type.get(), H5S_ALL, H5S_ALL, H5P_DEFAULT, data.data());
        std::vector<std::string> sums;
        const bool countable = elements >= 0 && array.rows_per_checksum > 0;
        const auto count = countable ? std::min(array.checksum_count(), kMostNumbers) : 1;
        for (std::int64_t i = 0; i < count; ++i) {
            const auto step = static_cast<std::uint64_t>(array.rows_per_checksum) * array.row_bytes();
            const auto first = std::min<std::uint64_t>(data.size(), static_cast<std::uint64_t>(i) * step);
            const auto run = std::string_view(data).substr(first, step);
            array.checksums.push_back(h5::checksum(std::as_bytes(std::span(run))));
            sums.push_back(array.checksums.back().hex());
        }
        put(made.get(), name, "xxh3", sums);
        put(made.get(), name, "xxh3_rows", array.rows_per_checksum);
        // They describe the array; its own attributes are not of the index.
        index_.attributes.erase({name, "xxh3"});
        index_.attributes.erase({name, "xxh3_rows"});
        index_.arrays.insert_or_assign(name, std::move(array));
    }

    void add_strange_attribute(Pieces& pieces) {
        const auto name = pieces.text(), attribute = pieces.text();
        const auto place = object(name);
        const auto which = pieces.number();
        const auto shape = pieces.shape(2);
        if (elements_in(shape, kMostNumbers) < 0) return;
        const Handle none(H5Screate(H5S_NULL), H5Sclose);
        if (which % 16 == 15)
            (void)put_raw(place.get(), attribute, H5T_STD_I64LE, none, nullptr);
        else if (which % 16 == 14)
            (void)put_raw(place.get(), attribute, h5::item_type(h5::Type::text, 4, path_).get(), none,
                          nullptr);
        else
            (void)put_raw(place.get(), attribute, strange_type(which).get(), space_of(shape), nullptr);
    }

    void add_strange_array(Pieces& pieces) {
        const auto name = pieces.text();
        const auto which = pieces.number(), layout = pieces.number();
        const auto shape = pieces.shape(3);
        const Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
        const std::vector<hsize_t> chunk(shape.size(), 1);
        if (layout % 4 == 1 && !chunk.empty())
            (void)H5Pset_chunk(plan.get(), static_cast<int>(chunk.size()), chunk.data());
        if (layout % 4 == 2) (void)H5Pset_layout(plan.get(), H5D_COMPACT);
        if (layout % 4 == 3) (void)H5Pset_external(plan.get(), "elsewhere", 0, H5F_UNLIMITED);
        const auto type = which % 2 == 0 ? strange_type(which / 2) : h5::item_type(h5::Type::f32, 4, path_);
        const auto space = which % 16 == 15 ? Handle(H5Screate(H5S_NULL), H5Sclose) : space_of(shape);
        const Handle made(H5Dcreate2(file_.get(), name.c_str(), type.get(), space.get(), links_.get(),
                                     plan.get(), H5P_DEFAULT),
                          H5Dclose);
    }

    void add_link(Pieces& pieces) {
        const auto which = pieces.number();
        const auto from = pieces.text(), to = pieces.text();
        if (which % 5 == 0)
            (void)H5Lcreate_soft(to.c_str(), file_.get(), from.c_str(), links_.get(), H5P_DEFAULT);
        if (which % 5 == 1)
            (void)H5Lcreate_external("other.h5", to.c_str(), file_.get(), from.c_str(), links_.get(),
                                     H5P_DEFAULT);
        if (which % 5 == 2)
            (void)H5Lcreate_hard(file_.get(), to.c_str(), file_.get(), from.c_str(), links_.get(),
                                 H5P_DEFAULT);
        if (which % 5 == 3) (void)H5Ldelete(file_.get(), from.c_str(), H5P_DEFAULT);
        if (which % 5 == 4) {
            const Handle type(H5Tcopy(H5T_STD_I64LE), H5Tclose);
            (void)H5Tcommit2(file_.get(), from.c_str(), type.get(), links_.get(), H5P_DEFAULT, H5P_DEFAULT);
        }
    }

    std::filesystem::path path_;
    Handle file_, links_;
    h5::Index index_;
};

}  // namespace

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    vtvc::fuzz::write_seeds_if_asked([](auto put) {
        for (const auto& sample : vtvc::fuzz::Samples::only().files())
            put(sample.name, vtvc::fuzz::described(sample.path));
        vtvc::fuzz::PieceWriter group, strange;
        for (const std::uint8_t which : {0, 1, 2, 3, 4})  // links
            put("link" + std::to_string(which), vtvc::fuzz::PieceWriter(group)
                                                    .number(std::uint8_t{4})
                                                    .number(which)
                                                    .text("a/b")
                                                    .text("/")
                                                    .bytes());
        for (std::uint8_t which = 0; which < 16; ++which) {
            put("attribute" + std::to_string(which), vtvc::fuzz::PieceWriter()
                                                         .number(std::uint8_t{2})
                                                         .text("g")
                                                         .text("a")
                                                         .number(which)
                                                         .shape({2})
                                                         .bytes());
            put("array" + std::to_string(which), vtvc::fuzz::PieceWriter()
                                                     .number(std::uint8_t{3})
                                                     .text("g/a")
                                                     .number(which)
                                                     .number(static_cast<std::uint8_t>(which / 2))
                                                     .shape({2})
                                                     .bytes());
        }
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const vtvc::fuzz::Scratch scratch;
    const auto path = scratch / "input.h5";
    return vtvc::fuzz::one_input([&] {
        Maker maker(path);
        maker.add_all({data, size});
        maker.finish();
        const auto file = h5::File::open(path);
        const auto index = h5::walk(file, "thing", h5::kAnyVersion);
        // What the walk believed, the parent believes too.
        if (h5::to_bytes(h5::parse_index(h5::to_bytes(index), "input", file.bytes())) != h5::to_bytes(index))
            std::abort();
    });
}
