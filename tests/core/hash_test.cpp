#include "vtvc/core/hash.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <xxhash.h>

namespace vtvc {
namespace {

TEST(Hash, IsXxh3OfLengthAndBytes) {
    const std::string text = "task vector";
    std::string bytes(8, '\0');
    bytes[0] = static_cast<char>(text.size());
    bytes += text;
    const XXH128_hash_t expected = XXH3_128bits(bytes.data(), bytes.size());
    EXPECT_EQ(hash_text(text), fmt::format("{:016x}{:016x}", expected.high64, expected.low64));
}

/// Hashes name runs on disk: they must stay what they are.
TEST(Hash, KeepsItsValues) {
    EXPECT_EQ(hash_text(""), "2c0a8a99dc147d5445c3b49d035665b2");
    EXPECT_EQ(hash_text("vtvc"), "072d96e87aa347a1db644bf30c6acf04");
}

TEST(Hash, TellsPartsApart) {
    EXPECT_NE(Hasher().add("ab").add("c").hex(), Hasher().add("a").add("bc").hex());
    EXPECT_NE(Hasher().add("").hex(), Hasher().hex());
}

TEST(Hash, CanBeReadOnTheWayAndMoved) {
    Hasher hasher;
    hasher.add("a");
    const std::string before = hasher.hex();
    EXPECT_EQ(hasher.hex(), before);
    Hasher moved = std::move(hasher);
    EXPECT_EQ(moved.hex(), before);
    EXPECT_NE(moved.add("b").hex(), before);
}

}  // namespace
}  // namespace vtvc
