#include "names.hpp"

#include "support.hpp"

namespace vtvc::foreign {
namespace {

TEST(TensorNames, OrdinaryOnesPass) {
    for (const char* name : {"w", "model.visual.conv1.weight", "bert/encoder/layer_0", "Gewicht-für-Δ", "a b",
                             "..a", "a...b", "\xf0\x9f\x98\x80"})
        EXPECT_NO_THROW(check_tensor_name(name, "x")) << name;
}

TEST(TensorNames, PathsAreRefused) {
    for (const char* name : {"/", "/etc/passwd", "../../x", "a/../b", "a//b", "a/", ".", "..", "./a"})
        test::expect_refused([&] { check_tensor_name(name, "file"); }, {"is a path", "file"});
}

TEST(TensorNames, UnreadableOnesAreRefused) {
    test::expect_refused([] { check_tensor_name("", "file"); }, {"empty name"});
    test::expect_refused([] { check_tensor_name(std::string(513, 'x'), "file"); }, {"513 bytes"});
    const std::string nul("a\0b", 3);
    for (const std::string& name :
         {std::string("a\nb"), std::string("\x1b[2J"), std::string("\x7f"), nul, std::string("\xff"),
          std::string("\xc3"), std::string("\xc0\xaf"), std::string("\xed\xa0\x80"),
          std::string("\xf4\x90\x80\x80"), std::string("\xe0\x80\x80"), std::string("\x80"),
          std::string("\xc3\x28")})
        test::expect_refused([&] { check_tensor_name(name, "file"); }, {"control characters"});
}

TEST(TensorNames, MessagesShowThemEscapedAndCut) {
    EXPECT_EQ(shown("a\x1b[2J\xc3\xa9"), "a\\x1b[2J\\xc3\\xa9");
    EXPECT_EQ(shown(std::string(100, 'x')), std::string(80, 'x') + "…");
}

}  // namespace
}  // namespace vtvc::foreign
