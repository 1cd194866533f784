#include "shard_index.hpp"

#include "support.hpp"

namespace vtvc::foreign {
namespace {

void refused(const std::string& text, const std::vector<std::string>& parts) {
    test::expect_refused([&] { (void)parse_shard_index(text, "x.index.json"); }, parts);
}

TEST(ShardIndex, NamesEachTensorsFile) {
    const auto index = parse_shard_index(
        R"({"metadata":{"total_size":12,"by":"hand","more":[1]},"weight_map":{"b":"2.st","a":"1.st","c":"1.st"}})",
        "x");
    EXPECT_EQ(index.files, (std::vector<std::string>{"1.st", "2.st"}));
    EXPECT_EQ(index.weight_map, (std::map<std::string, std::size_t>{{"a", 0}, {"b", 1}, {"c", 0}}));
    EXPECT_EQ(index.notes, (std::map<std::string, std::string>{{"total_size", "12"}, {"by", "hand"}}));
}

TEST(ShardIndex, RefusesWhatIsNone) {
    refused("", {"not JSON", "x.index.json"});
    refused("[]", {"no weight_map"});
    refused("{}", {"no weight_map"});
    refused(R"({"weight_map":[]})", {"no weight_map"});
    refused(R"({"weight_map":{}})", {"empty"});
    refused(R"({"weight_map":{"a":1}})", {"'a'", "not a text"});
    refused(R"({"weight_map":{"a":"x","a":"y"}})", {"'a' twice"});
    refused(R"({"weight_map":{"../a":"x"}})", {"is a path"});
}

TEST(ShardIndex, AFileNameNeverLeavesTheFolder) {
    for (const char* file : {"../x", "/etc/passwd", "a/b", "..", ".", "", "a\\\\b", "\\u0000", ".hidden"})
        refused(R"({"weight_map":{"a":")" + std::string(file) + R"("}})", {"only names of files beside it"});
}

TEST(ShardIndex, RefusesTooManyFiles) {
    std::string text = R"({"weight_map":{)";
    for (int i = 0; i <= 10'000; ++i) text += fmt::format("{}\"t{}\":\"f{}\"", i == 0 ? "" : ",", i, i);
    refused(text + "}}", {"10001 files"});
}

}  // namespace
}  // namespace vtvc::foreign
