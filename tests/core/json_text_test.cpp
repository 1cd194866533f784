// JSON by others is looked through before a tree of it is built.
#include "vtvc/core/json_text.hpp"

#include <gtest/gtest.h>

namespace vtvc {
namespace {

std::string fault(std::string_view text, const JsonLimits& limits = {}) {
    return fault_text(check_json(text, limits), limits);
}

TEST(JsonText, TakesWhatIsJson) {
    for (const auto* text :
         {"{}", "[]", "1", "\"a\"", "null", R"({"a":{"b":[1,-2,2.5,true,null,"x"]},"c":{"b":1}})"})
        EXPECT_EQ(fault(text), "") << text;
}

TEST(JsonText, SaysWhatIsWrong) {
    EXPECT_EQ(fault(""), "is not JSON (byte 1)");
    EXPECT_EQ(fault("{\"a\":}"), "is not JSON (byte 6)");
    EXPECT_EQ(fault("{} {}"), "is not JSON (byte 4)");
    EXPECT_EQ(fault("\"\xff\""), "is not JSON (byte 2)");
    EXPECT_EQ(fault("[1e999]"), "holds a number too large to be one");
    EXPECT_EQ(fault(R"({"a":{"b":1,"b":2}})"), "has a key twice in one object");
    EXPECT_EQ(check_json(R"({"a":{"b":1,"b":2}})").key, "b");
}

TEST(JsonText, BoundsDepthAndCount) {
    EXPECT_EQ(fault("[[[]]]", {.depth = 3}), "");
    EXPECT_EQ(fault("[[[[]]]]", {.depth = 3}), "is nested deeper than 3");
    EXPECT_EQ(fault(std::string(1'000'000, '[')), "is nested deeper than 64");
    std::string object;
    for (int i = 0; i < 1'000'000; ++i) object += "{\"a\":";
    EXPECT_EQ(fault(object), "is nested deeper than 64");
    EXPECT_EQ(fault("[1,2,3]", {.values = 4}), "");
    EXPECT_EQ(fault("[1,2,3,4]", {.values = 4}), "has more than 4 values");
    EXPECT_EQ(fault(R"({"a":1})", {.values = 2}), "has more than 2 values");
}

}  // namespace
}  // namespace vtvc
