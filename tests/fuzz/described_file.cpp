#include "described_file.hpp"

#include <array>
#include <fstream>

#include "h5_reader.hpp"

namespace vtvc::fuzz {

namespace {

constexpr std::size_t kMostBytes = std::size_t{1} << 16;  // of arrays in one file
constexpr std::int64_t kMostNumbers = 1024;               // of an attribute or of checksums
constexpr std::array<char, 8> kSignature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
enum : std::uint8_t { kAttribute = 0, kArray = 1 };

/// −1 where it cannot be counted.
std::int64_t elements_in(const h5::Shape& shape) {
    try {
        return h5::elements_of(shape, "");
    } catch (const StorageError&) {
        return -1;
    }
}

class Layout {
  public:
    explicit Layout(const StandIn& stand_in) : stand_in_(stand_in), image_(h5::kUserBlock, '\0') {
        image_.append(kSignature.data(), kSignature.size());
    }

    void add_all(Pieces pieces) {
        while (pieces.more()) pieces.number() % 2 == kAttribute ? add_attribute(pieces) : add_array(pieces);
    }

    void write(const std::string& kind, std::int64_t version, const std::filesystem::path& path) {
        index_.attributes.try_emplace({"/", "vtvc_kind"}, kind);
        index_.attributes.try_emplace({"/", "vtvc_version"}, version);
        index_.attributes[{"/", "content_hash"}] = index_.content_hash();
        const auto offset = image_.size();
        image_.resize(offset + h5::to_bytes(index_).size());
        std::ofstream out(path, std::ios::binary | std::ios::trunc);
        out.write(image_.data(), static_cast<std::streamsize>(image_.size()));
        out.close();
        h5::write_index(path, index_, offset, kind);
    }

  private:
    std::string filled_in(std::string text) const {
        const auto at = stand_in_.word.empty() ? std::string::npos : text.find(stand_in_.word);
        return at == std::string::npos ? text : text.replace(at, stand_in_.word.size(), stand_in_.value);
    }

    void add_attribute(Pieces& pieces) {
        auto object = pieces.text(), name = pieces.text();
        h5::Value value;
        switch (pieces.number() % 4) {
            case 0:
                value = filled_in(pieces.text());
                break;
            case 1:
                value = pieces.number<std::int64_t>();
                break;
            case 2: {
                h5::Reals reals{pieces.shape(3), {}};
                const auto count = elements_in(reals.shape);
                if (count < 0 || count > kMostNumbers) return;
                for (std::int64_t i = 0; i < count; ++i) reals.values.push_back(pieces.number<double>());
                value = std::move(reals);
                break;
            }
            default: {
                std::vector<std::string> list(pieces.number());
                for (auto& text : list) text = filled_in(pieces.text());
                value = std::move(list);
            }
        }
        index_.attributes.insert_or_assign({std::move(object), std::move(name)}, std::move(value));
    }

    void add_array(Pieces& pieces) {
        const auto name = pieces.text();
        h5::Array array;
        array.type = static_cast<h5::Type>(pieces.number() % (static_cast<int>(h5::Type::bf16) + 1));
        array.item_bytes =
            array.type == h5::Type::text ? pieces.number<std::uint16_t>() : h5::type_bytes(array.type);
        array.shape = pieces.shape(4);
        array.rows_per_checksum = pieces.size();
        const auto given = pieces.raw(pieces.number<std::uint16_t>());
        std::string data(given.begin(), given.end());
        if (array.type == h5::Type::text) data = filled_in(std::move(data));
        array.offset = image_.size();
        const auto elements = elements_in(array.shape);
        const bool fits =
            elements >= 0 && array.item_bytes <= kMostBytes &&
            static_cast<std::uint64_t>(elements) <= kMostBytes / std::max<std::size_t>(1, array.item_bytes) &&
            image_.size() + static_cast<std::size_t>(elements) * array.item_bytes <= 4 * kMostBytes;
        const auto bytes = fits ? static_cast<std::size_t>(elements) * array.item_bytes : 0;
        if (data.empty()) data.resize(std::max<std::size_t>(1, bytes));
        for (std::size_t done = 0; done < bytes; done += data.size())  // what is short is repeated
            image_.append(data, 0, std::min(data.size(), bytes - done));
        const auto sums = fits && array.rows_per_checksum > 0 ? array.checksum_count() : 1;
        for (std::int64_t i = 0; i < std::min(sums, kMostNumbers); ++i) {
            const auto step = static_cast<std::uint64_t>(array.rows_per_checksum) * array.row_bytes();
            const auto first = std::min<std::uint64_t>(bytes, static_cast<std::uint64_t>(i) * step);
            const auto run = std::string_view(image_).substr(array.offset + first,
                                                             std::min<std::uint64_t>(step, bytes - first));
            array.checksums.push_back(h5::checksum(std::as_bytes(std::span(run))));
        }
        index_.arrays.insert_or_assign(name, std::move(array));
    }

    StandIn stand_in_;
    h5::Index index_;
    std::string image_;
};

}  // namespace

void lay_out(Pieces pieces, const std::string& kind, std::int64_t version, const StandIn& stand_in,
             const std::filesystem::path& path) {
    Layout layout(stand_in);
    layout.add_all(pieces);
    layout.write(kind, version, path);
}

std::string described(const std::filesystem::path& path) {
    const auto file = h5::File::open(path);
    const auto index = h5::read_index(file).value();
    PieceWriter out;
    for (const auto& [key, value] : index.attributes) {
        const auto& [object, name] = key;
        if (object == "/" && (name == "vtvc_kind" || name == "content_hash" || name == "code_version" ||
                              name == "created" || name == "command"))
            continue;
        out.number(std::uint8_t{kAttribute})
            .text(object)
            .text(name)
            .number(static_cast<std::uint8_t>(value.index()));
        if (const auto* text = std::get_if<std::string>(&value)) {
            out.text(*text);
        } else if (const auto* number = std::get_if<std::int64_t>(&value)) {
            out.number(*number);
        } else if (const auto* reals = std::get_if<h5::Reals>(&value)) {
            out.shape(reals->shape);
            for (const auto real : reals->values) out.number(real);
        } else {
            const auto& list = std::get<std::vector<std::string>>(value);
            out.number(static_cast<std::uint8_t>(list.size()));
            for (const auto& entry : list) out.text(entry);
        }
    }
    for (const auto& [name, array] : index.arrays) {
        out.number(std::uint8_t{kArray}).text(name).number(static_cast<std::uint8_t>(array.type));
        if (array.type == h5::Type::text) out.number(static_cast<std::uint16_t>(array.item_bytes));
        // Of numbers the first few are enough: they are repeated.
        std::string data(
            array.type == h5::Type::text ? array.bytes() : std::min<std::size_t>(array.bytes(), 48), '\0');
        file.read(array.offset, std::as_writable_bytes(std::span(data)));
        out.shape(array.shape)
            .size(array.rows_per_checksum)
            .number(static_cast<std::uint16_t>(data.size()))
            .raw(data);
    }
    return out.bytes();
}

}  // namespace vtvc::fuzz
