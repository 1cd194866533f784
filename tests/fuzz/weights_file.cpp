#include "weights_file.hpp"

#include <array>
#include <nlohmann/json.hpp>

namespace vtvc::fuzz {

namespace {

struct Type {
    const char* name;
    std::size_t bytes;
    std::uint64_t nan, infinite;  ///< as bits; integers have none
};
constexpr std::array<Type, 10> kTypes{{{"F32", 4, 0x7fc00000, 0x7f800000},
                                       {"F16", 2, 0x7e00, 0x7c00},
                                       {"BF16", 2, 0x7fc0, 0x7f80},
                                       {"F64", 8, 0x7ff8000000000000, 0x7ff0000000000000},
                                       {"I64", 8, 0, 0},
                                       {"I32", 4, 0, 0},
                                       {"I16", 2, 0, 0},
                                       {"I8", 1, 0, 0},
                                       {"U8", 1, 0, 0},
                                       {"BOOL", 1, 0, 0}}};
constexpr std::int64_t kMostElements = 4096;
constexpr std::size_t kMostBytes = std::size_t{1} << 16;

}  // namespace

std::string weights_file(Pieces& pieces) {
    using Json = nlohmann::ordered_json;
    auto header = Json::object();
    std::string data;
    while (pieces.more()) {
        const auto name = pieces.text();
        const auto& type = kTypes.at(pieces.number() % kTypes.size());
        const auto shape = pieces.shape(4);
        const auto fill = static_cast<Numbers>(pieces.number() % 4);
        const auto given = fill == Numbers::given ? pieces.number<std::uint64_t>() : 0;
        std::int64_t elements = 1;
        for (const auto size : shape)
            if (size < 0 || __builtin_mul_overflow(elements, size, &elements)) elements = kMostElements + 1;
        if (elements > kMostElements || data.size() > kMostBytes || header.contains(name)) continue;
        const auto bits = fill == Numbers::nan ? type.nan : fill == Numbers::infinite ? type.infinite : given;
        const auto first = data.size();
        for (std::int64_t i = 0; i < elements; ++i)
            data.append(reinterpret_cast<const char*>(&bits), type.bytes);
        header[name] = Json{{"dtype", type.name}, {"shape", shape}, {"data_offsets", {first, data.size()}}};
    }
    const auto text = header.dump(-1, ' ', false, Json::error_handler_t::replace);
    const auto length = static_cast<std::uint64_t>(text.size());
    return std::string(reinterpret_cast<const char*>(&length), sizeof length) + text + data;
}

void describe_weights(PieceWriter& out, const std::vector<Weight>& weights) {
    constexpr std::uint64_t half = 0x3f000000;  // .5F
    for (const auto& weight : weights)
        out.text(weight.name)
            .number(std::uint8_t{0})
            .shape(weight.shape)
            .number(static_cast<std::uint8_t>(Numbers::given))
            .number(half);
}

}  // namespace vtvc::fuzz
