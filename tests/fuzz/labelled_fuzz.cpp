// Images with labels: CIFAR's binary version, pairs of IDX files, an .npz. The first byte says which; files
// are described by their length and the bytes that they repeat, so that rows of 3,073 bytes need few.
#include <fmt/format.h>
#include <zlib.h>

#include "requests.hpp"
#include "seeds.hpp"
#include "vtvc/datasets/import.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc::fuzz {
namespace {

std::string bytes_of(Pieces& pieces) {
    const auto length = pieces.number<std::uint16_t>();
    const auto given = pieces.raw(pieces.number());
    std::string bytes(length, '\0');
    for (std::size_t i = 0; i < bytes.size() && !given.empty(); ++i)
        bytes[i] = static_cast<char>(given[i % given.size()]);
    return bytes;
}

/// What was written fits together: reading it checks labels and shapes.
void check(const std::filesystem::path& written) {
    const auto data = Dataset::open(written);
    for (const auto split : {Split::train, Split::validation, Split::test}) {
        const auto rows = data.read(split);
        const auto image = data.height() * data.width() * data.channels();
        if (static_cast<std::int64_t>(rows.images.size()) != rows.rows() * image) std::abort();
    }
}

void import_cifar_files(Pieces& pieces, const Scratch& scratch) {
    const auto how = pieces.number();
    const bool hundred = how % 3 != 0;
    for (const auto* name : {"train.bin", "test.bin", "data_batch_1.bin", "test_batch.bin"})
        scratch.remove(name);
    scratch.put(hundred ? "train.bin" : "data_batch_1.bin", bytes_of(pieces));
    scratch.put(hundred ? "test.bin" : "test_batch.bin", bytes_of(pieces));
    const auto names = pieces.text();
    for (const auto* name : {"batches.meta.txt", "fine_label_names.txt", "coarse_label_names.txt"})
        scratch.put(name, names);
    (void)import_cifar(
        {scratch.path(), "x", how % 3 == 2 || how % 16 == 15 ? CifarLabels::coarse : CifarLabels::fine},
        scratch / "out.h5");
    check(scratch / "out.h5");
}

std::vector<std::string> class_names(Pieces& pieces) {
    std::vector<std::string> names(pieces.number() % 4);
    for (std::size_t i = 0; i < names.size(); ++i) names[i] = std::to_string(i);
    return names;
}

void import_idx_files(Pieces& pieces, const Scratch& scratch) {
    const auto names = class_names(pieces);
    for (const auto* name : {"a", "b", "c", "d"}) {
        std::string header("\0\0\x08", 3);
        const auto shape = pieces.shape(4);
        header += static_cast<char>(shape.size());
        for (const auto size : shape)
            for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(size >> shift);
        scratch.put(name, header + bytes_of(pieces));
    }
    (void)import_idx({scratch / "a", scratch / "b", scratch / "c", scratch / "d", "x", names},
                     scratch / "out.h5");
    check(scratch / "out.h5");
}

/// A zip of stored entries, every checksum right.
class StoredZip {
  public:
    void add(const std::string& name, const std::string& content) {
        const auto at = out_.size();
        const auto about = entry_about(name, content);
        put32(0x04034b50);
        out_ += about + name + content;
        directory_ += std::string("PK\1\2\x14\0", 6) + about + std::string(10, '\0');
        append32(directory_, at);
        directory_ += name;
        ++entries_;
    }
    std::string finish() {
        const auto at = out_.size();
        out_ += directory_;
        put32(0x06054b50);
        put32(0);
        out_.append(2, static_cast<char>(0)).replace(out_.size() - 2, 1, 1, static_cast<char>(entries_));
        out_.append(2, static_cast<char>(0)).replace(out_.size() - 2, 1, 1, static_cast<char>(entries_));
        put32(directory_.size());
        put32(at);
        return out_ + std::string(2, '\0');
    }

  private:
    static void append32(std::string& to, std::uint64_t value) {
        for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(value >> shift);
    }
    void put32(std::uint64_t value) { append32(out_, value); }
    /// What an entry and the directory both say of it: from the version needed to the length of extra fields.
    static std::string entry_about(const std::string& name, const std::string& content) {
        std::string about("\x14\0\0\0\0\0\0\0\x21\0", 10);
        append32(about,
                 crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())));
        append32(about, content.size());
        append32(about, content.size());
        append32(about, name.size());  // and no extra field
        return about;
    }

    std::string out_, directory_;
    int entries_ = 0;
};

void import_npz_file(Pieces& pieces, const Scratch& scratch) {
    static constexpr std::array types{"|u1", "|i1", "<i2", "<i4", "<i8", ">i4", "<f4", "|b1"};
    const auto names = class_names(pieces);
    StoredZip zip;
    for (const auto* name : {"x_train", "y_train", "x_test", "y_test"}) {
        const auto* type = types.at(pieces.number() % types.size());
        const auto order = pieces.number() % 8 == 7 ? "True" : "False";
        std::string shape;
        for (const auto size : pieces.shape(4)) shape += fmt::format("{}, ", size);
        const auto header =
            fmt::format("{{'descr': '{}', 'fortran_order': {}, 'shape': ({}), }}\n", type, order, shape);
        std::string npy("\x93NUMPY\1\0", 8);
        npy += static_cast<char>(header.size());
        npy += static_cast<char>(header.size() >> 8);
        if (const auto absent = pieces.number(); absent % 16 != 15)
            zip.add(std::string(name) + ".npy", npy + header + bytes_of(pieces));
    }
    scratch.put("data.npz", zip.finish());
    NpzSources sources;
    sources.file = scratch / "data.npz";
    sources.name = "x";
    sources.class_names = names;
    (void)import_npz(sources, scratch / "out.h5");
    check(scratch / "out.h5");
}

void describe_bytes(PieceWriter& out, std::size_t length, const std::string& pattern) {
    out.number(static_cast<std::uint16_t>(length))
        .number(static_cast<std::uint8_t>(pattern.size()))
        .raw(pattern);
}

void write_seeds() {
    write_seeds_if_asked([](auto put) {
        for (const std::uint8_t how : {0, 1, 2}) {
            const std::size_t row = how == 0 ? 3073 : 3074;
            PieceWriter out;
            out.number(std::uint8_t{0}).number(how);
            describe_bytes(out, 8 * row, std::string("\0\1\1", 3));
            describe_bytes(out, 2 * row, std::string(1, '\0'));
            put("cifar" + std::to_string(how), out.text("a\r\nb\n\n").bytes());
        }
        PieceWriter idx, npz;
        idx.number(std::uint8_t{1}).number(std::uint8_t{0});
        npz.number(std::uint8_t{2}).number(std::uint8_t{2});
        for (const std::uint8_t rows : {6, 4}) {
            idx.shape({rows, 2, 2});
            describe_bytes(idx, rows * 4U, "ab");
            idx.shape({rows});
            describe_bytes(idx, rows, std::string("\0\1", 2));
            npz.number(std::uint8_t{0})
                .number(std::uint8_t{0})
                .shape({rows, 2, 2, 3})
                .number(std::uint8_t{0});
            describe_bytes(npz, rows * 12U, "ab");
            npz.number(std::uint8_t{3}).number(std::uint8_t{0}).shape({rows, 1}).number(std::uint8_t{0});
            describe_bytes(npz, rows * 4U, std::string("\0\0\0\0\1\0\0\0", 8));
        }
        put("idx", idx.bytes());
        put("npz", npz.bytes());
    });
}

void import(Pieces pieces, const Scratch& scratch) {
    switch (pieces.number() % 3) {
        case 0:
            return import_cifar_files(pieces, scratch);
        case 1:
            return import_idx_files(pieces, scratch);
        default:
            return import_npz_file(pieces, scratch);
    }
}

}  // namespace
}  // namespace vtvc::fuzz

VTVC_FUZZ_REQUESTS(import);
