#include "safetensors.hpp"

#include "bytes.hpp"
#include "support.hpp"

namespace vtvc::foreign {
namespace {

using test::bytes_in;
using test::expect_refused;

std::unique_ptr<Part> open(const std::string& bytes) {
    return open_safetensors(memory_bytes("x.safetensors", bytes_in(bytes)));
}
void refused(const std::string& bytes, std::vector<std::string> parts) {
    parts.emplace_back("x.safetensors");
    expect_refused([&] { (void)open(bytes); }, parts);
}
/// A header of one tensor 'w'.
std::string entry(const std::string& dtype, const std::string& shape, const std::string& offsets) {
    return R"({"w":{"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

TEST(Safetensors, ReadsTensorsAndMetadata) {
    const std::string header =
        R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,1],"data_offsets":[2,10]},)"
        R"("a":{"dtype":"BF16","shape":[],"data_offsets":[0,2]},"none":{"dtype":"I64","shape":[0,3],"data_offsets":[2,2]}}   )";
    const std::string data = test::raw<std::uint16_t>(0x3f80) + test::raw_list<float>({1.5F, -2});
    const std::string file = test::safetensors(header, data);
    const auto part = open(file);
    const auto& contents = part->contents();
    EXPECT_EQ(contents.layout, "safetensors");
    EXPECT_EQ(contents.notes, (std::map<std::string, std::string>{{"format", "pt"}}));
    ASSERT_EQ(contents.tensors.size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        const auto& tensor = contents.tensors[i];
        std::string out(static_cast<std::size_t>(tensor.elements()) * size_of(tensor.type), '\0');
        part->read(i, std::as_writable_bytes(std::span(out)));
        const auto expected = tensor.name == "a"   ? data.substr(0, 2)
                              : tensor.name == "b" ? data.substr(2)
                                                   : "";
        EXPECT_EQ(out, expected) << tensor.name;
    }
}

TEST(Safetensors, KnowsEveryType) {
    const std::vector<std::pair<std::string, ForeignType>> types{
        {"F16", ForeignType::f16},     {"BF16", ForeignType::bf16}, {"F32", ForeignType::f32},
        {"F64", ForeignType::f64},     {"U8", ForeignType::u8},     {"I8", ForeignType::i8},
        {"I16", ForeignType::i16},     {"I32", ForeignType::i32},   {"I64", ForeignType::i64},
        {"BOOL", ForeignType::boolean}};
    for (const auto& [name, type] : types) {
        const auto size = size_of(type);
        const auto file =
            test::safetensors(entry(name, "[1]", "[0," + std::to_string(size) + "]"), std::string(size, 'x'));
        EXPECT_EQ(open(file)->contents().tensors.at(0).type, type);
        EXPECT_EQ(is_floating(type), name.find('F') != std::string::npos);
    }
    for (const char* name : {"F8_E4M3", "U64", "C64", "f32", "", "STR"})
        refused(test::safetensors(entry(name, "[1]", "[0,8]"), std::string(8, 'x')), {"tensor 'w'", name});
}

TEST(Safetensors, RefusesEveryTruncationAndExtension) {
    const auto whole = test::safetensors(entry("F32", "[2]", "[0,8]"), std::string(8, 'x'));
    EXPECT_NO_THROW((void)open(whole));
    for (std::size_t n = 0; n < whole.size(); ++n) refused(whole.substr(0, n), {});
    refused(whole + "x", {"8 bytes, 9 follow"});
}

TEST(Safetensors, RefusesHeadersThatAreNone) {
    refused(test::raw<std::uint64_t>(UINT64_MAX) + "{}", {"does not fit"});
    refused(test::safetensors("", ""), {"not JSON"});
    refused(test::safetensors("[]", ""), {"not a JSON object"});
    refused(test::safetensors("{", ""), {"not JSON"});
    refused(test::safetensors("{} {}", ""), {"not JSON"});
    refused(test::safetensors(R"({"a":1e999})", ""), {"too large"});
    refused(test::safetensors(R"({"__metadata__":[]})", ""), {"__metadata__"});
    refused(test::safetensors(R"({"__metadata__":{"a":1}})", ""), {"'a' in __metadata__"});
    refused(test::safetensors(R"({"w":3})", ""), {"nothing of tensor 'w'"});
    refused(test::safetensors(R"({"w":{"shape":[],"data_offsets":[0,0]}})", ""), {"no dtype"});
    refused(test::safetensors(R"({"w":{"dtype":3,"shape":[],"data_offsets":[0,0]}})", ""), {"dtype", "text"});
    refused(test::safetensors(R"({"w":{"dtype":"F32","data_offsets":[0,0]}})", ""), {"no shape"});
    refused(test::safetensors(R"({"w":{"dtype":"F32","shape":[]}})", ""), {"no data_offsets"});
    refused(test::safetensors(R"({"../w":{"dtype":"F32","shape":[0],"data_offsets":[0,0]}})", ""),
            {"is a path"});
    std::string twice = entry("U8", "[0]", "[0,0]");
    twice.insert(twice.size() - 1, "," + twice.substr(1, twice.size() - 2));
    refused(test::safetensors(twice, ""), {"'w' twice"});
    refused(test::safetensors(R"({"w":)" + std::string(100'000, '[') + std::string(100'000, ']') + "}", ""),
            {"nested deeper"});
}

TEST(Safetensors, RefusesShapesAndOffsetsThatLie) {
    const std::string data(8, 'x');
    const auto one = [&](const std::string& shape, const std::string& offsets) {
        return test::safetensors(entry("F32", shape, offsets), data);
    };
    for (const char* shape :
         {"3", "[-1]", "[1.5]", "[\"2\"]", "[18446744073709551615]", "[9223372036854775808]"})
        refused(one(shape, "[0,8]"), {"shape of tensor 'w'"});
    std::string many = "[1";
    for (int i = 0; i < 32; ++i) many += ",1";
    refused(one(many + "]", "[0,4]"), {"at most 32"});
    refused(one("[4611686018427387904]", "[0,8]"), {"more elements"});
    refused(one("[4294967296,4294967296,0]", "[0,0]"), {"more elements"});
    refused(one("[3]", "[0,8]"), {"needs 12 bytes", "span 8"});
    for (const char* offsets : {"[0]", "[0,8,8]", "[8,0]", "[0,9]", "[8,9223372036854775807]"})
        refused(one("[2]", offsets), {"data_offsets"});
    for (const char* offsets : {"[-1,8]", "7", "[0,18446744073709551615]"})
        refused(one("[2]", offsets), {"data_offsets of tensor 'w' is not a list"});
    const auto two = [&](const std::string& a, const std::string& b) {
        return test::safetensors(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":)" + a +
                                     R"(},"b":{"dtype":"U8","shape":[4],"data_offsets":)" + b + "}}",
                                 data);
    };
    EXPECT_NO_THROW((void)open(two("[4,8]", "[0,4]")));
    refused(two("[0,4]", "[2,6]"), {"'b' overlaps"});
    refused(two("[0,4]", "[0,4]"), {"overlaps"});
    refused(test::safetensors(entry("F32", "[1]", "[4,8]"), data), {"bytes 0 to 4", "no tensor"});
    refused(test::safetensors(entry("F32", "[1]", "[0,4]"), data), {"4 bytes, 8 follow"});
}

TEST(Safetensors, IsToldByItsFirstBytes) {
    const auto looks = [](const std::string& bytes) {
        return looks_like_safetensors(*memory_bytes("x", bytes_in(bytes)));
    };
    EXPECT_TRUE(looks(test::safetensors("{}", "")));
    EXPECT_FALSE(looks(test::safetensors("[]", "")));
    EXPECT_FALSE(looks("PK\x03\x04 and so on"));
    EXPECT_FALSE(looks(""));
}

}  // namespace
}  // namespace vtvc::foreign
