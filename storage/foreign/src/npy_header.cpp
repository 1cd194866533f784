#include "npy_header.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <string>

#include "names.hpp"
#include "shapes.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// Reads the one form of Python text that NumPy writes: a dict of 'descr', 'fortran_order' and 'shape'.
class Dict {
  public:
    Dict(std::string_view text, std::string_view where) : text_(text), where_(where) {}

    NpyHeader read() {
        NpyHeader header;
        std::optional<std::string> descr;
        std::optional<bool> fortran;
        std::optional<std::vector<std::int64_t>> shape;
        expect('{');
        while (!accept('}')) {
            const auto key = quoted();
            expect(':');
            if (key == "descr" && !descr)
                descr = description();
            else if (key == "fortran_order" && !fortran)
                fortran = truth();
            else if (key == "shape" && !shape)
                shape = numbers();
            else
                stop(fmt::format("'{}' is not expected", shown(key)));
            if (!accept(',')) {
                expect('}');
                break;
            }
        }
        skip_space();
        if (at_ != text_.size()) stop("text follows it");
        if (!descr || !fortran || !shape) stop("descr, fortran_order or shape is missing");
        set_type(header, *descr);
        header.fortran = *fortran;
        header.shape = std::move(*shape);
        return header;
    }

  private:
    [[noreturn]] void stop(std::string_view problem) const {
        fail<StorageError>("{}: its npy header cannot be read at byte {} ({}); save it again with numpy.save",
                           where_, at_, problem);
    }
    void skip_space() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    }
    bool accept(char c) {
        skip_space();
        if (at_ == text_.size() || text_[at_] != c) return false;
        ++at_;
        return true;
    }
    void expect(char c) {
        if (!accept(c)) stop(fmt::format("'{}' is expected", c));
    }
    std::string quoted() {
        const char quote = accept('\'') ? '\'' : '"';
        if (quote == '"') expect('"');
        const auto end = text_.find(quote, at_);
        if (end == std::string_view::npos) stop("a text has no end");
        std::string value(text_.substr(at_, end - at_));
        at_ = end + 1;
        return value;
    }
    std::string description() {
        skip_space();
        if (at_ < text_.size() && text_[at_] == '[')
            fail<StorageError>(
                "{}: an array of records (several fields an element); save each field on its own", where_);
        return quoted();
    }
    bool truth() {
        skip_space();
        for (const auto& [word, value] : {std::pair{std::string_view("True"), true}, {"False", false}}) {
            if (!text_.substr(at_).starts_with(word)) continue;
            at_ += word.size();
            return value;
        }
        stop("True or False is expected");
    }
    std::vector<std::int64_t> numbers() {
        std::vector<std::int64_t> values;
        expect('(');
        while (!accept(')')) {
            values.push_back(number());
            if (values.size() > kMostDimensions) stop("there are too many dimensions");
            if (!accept(',')) {
                expect(')');
                break;
            }
        }
        return values;
    }
    std::int64_t number() {
        skip_space();
        std::int64_t value = 0;
        const auto begin = at_;
        for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
            if (__builtin_mul_overflow(value, std::int64_t{10}, &value) ||
                __builtin_add_overflow(value, text_[at_] - '0', &value))
                stop("a size is too large to be counted");
        if (at_ == begin) stop("a size is expected");
        if (at_ < text_.size() && text_[at_] == 'L') ++at_;  // Python 2's spelling
        return value;
    }

    void set_type(NpyHeader& header, const std::string& descr) const {
        static const std::map<std::string, ForeignType, std::less<>> kTypes{
            {"f2", ForeignType::f16}, {"f4", ForeignType::f32}, {"f8", ForeignType::f64},
            {"u1", ForeignType::u8},  {"i1", ForeignType::i8},  {"i2", ForeignType::i16},
            {"i4", ForeignType::i32}, {"i8", ForeignType::i64}, {"b1", ForeignType::boolean}};
        if (descr.find('O') != std::string::npos)
            fail<StorageError>(
                "{}: an array of Python objects (they are pickled code, which is never run); save "
                "numbers, for example a.astype('float32')",
                where_);
        const auto order = descr.empty() ? ' ' : descr.front();
        const auto found = kTypes.find(std::string_view(descr).substr(descr.empty() ? 0 : 1));
        if (found == kTypes.end() || std::string_view("<>|=").find(order) == std::string_view::npos)
            fail<StorageError>(
                "{}: the element type '{}' is not read (f2, f4, f8, u1, i1, i2, i4, i8 and b1 are); "
                "convert it with astype",
                where_, shown(descr));
        header.type = found->second;
        header.big_endian = order == '>';
    }

    std::string_view text_, where_;
    std::size_t at_ = 0;
};

void swap_bytes(std::span<std::byte> values, std::size_t item) {
    for (std::size_t at = 0; at + item <= values.size(); at += item)
        std::reverse(values.begin() + static_cast<std::ptrdiff_t>(at),
                     values.begin() + static_cast<std::ptrdiff_t>(at + item));
}

void to_row_major(const std::vector<std::int64_t>& shape, std::size_t item, std::span<std::byte> values) {
    const std::vector<std::byte> columns(values.begin(), values.end());
    std::vector<std::int64_t> index(shape.size(), 0), strides(shape.size(), 1);
    for (std::size_t i = 1; i < shape.size(); ++i) strides[i] = strides[i - 1] * shape[i - 1];
    std::int64_t from = 0;
    for (std::size_t at = 0; at < values.size(); at += item) {
        std::memcpy(values.data() + at, columns.data() + static_cast<std::size_t>(from) * item, item);
        for (std::size_t i = shape.size(); i-- > 0;) {
            if (++index[i] < shape[i]) {
                from += strides[i];
                break;
            }
            from -= strides[i] * (shape[i] - 1);
            index[i] = 0;
        }
    }
}

}  // namespace

bool looks_like_npy(std::string_view start) { return start.starts_with(kMagic); }

std::uint64_t npy_header_bytes(std::string_view start, std::string_view where) {
    if (!looks_like_npy(start)) fail<StorageError>("{}: not an npy file (its first bytes are others)", where);
    if (start.size() < 8) fail<StorageError>("{}: ends within its npy header; was it cut?", where);
    const auto version = static_cast<unsigned char>(start[6]);
    if (version < 1 || version > 3)
        fail<StorageError>("{}: npy version {} (1 to 3 are read); save it again with numpy.save", where,
                           version);
    const std::size_t width = version == 1 ? 2 : 4;
    if (start.size() < 8 + width) fail<StorageError>("{}: ends within its npy header; was it cut?", where);
    std::uint64_t length = 0;
    for (std::size_t i = width; i-- > 0;) length = length << 8U | static_cast<unsigned char>(start[8 + i]);
    if (length > kLargestNpyHeader)
        fail<StorageError>("{}: its npy header has {} bytes (at most {} are read)", where, length,
                           kLargestNpyHeader);
    return 8 + width + length;
}

NpyHeader parse_npy_header(std::string_view header, std::uint64_t data_bytes, std::string_view where) {
    const auto preamble = std::size_t{8} + (header[6] == 1 ? 2 : 4);
    auto parsed = Dict(header.substr(preamble), where).read();
    parsed.bytes = header.size();
    const auto bytes = bytes_of(parsed.shape, size_of(parsed.type));
    if (!bytes)
        fail<StorageError>("{}: shape {} has more elements than can be counted", where,
                           shape_text(parsed.shape));
    if (*bytes != data_bytes)
        fail<StorageError>("{}: {} {} needs {} bytes, {} follow the header; was it cut?", where,
                           name_of(parsed.type), shape_text(parsed.shape), *bytes, data_bytes);
    return parsed;
}

void normalise(const NpyHeader& header, std::span<std::byte> values) {
    const auto item = size_of(header.type);
    if (header.big_endian) swap_bytes(values, item);
    if (header.fortran && header.shape.size() > 1) to_row_major(header.shape, item, values);
}

}  // namespace vtvc::foreign
