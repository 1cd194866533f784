#include "vtvc/imports/name_map.hpp"

#include "lists.hpp"

namespace vtvc::test {
namespace {

NameMap map_of(const Folder& folder, const std::string& toml) {
    const auto path = folder / "names.toml";
    std::ofstream(path) << toml;
    return NameMap::read(path);
}

TEST(NameMap, RenamesBySubstitutionAndSkipsWithAReason) {
    const Folder folder;
    const auto map = map_of(folder, R"([[rename]]
from = '^net\.b(\d+)\.fc\.w$'
to = 'transformer.resblocks.$1.mlp.c_fc.weight'
[[rename]]
from = '^net\.p$'
to = "proj"
transpose = true
[[skip]]
name = '^net\.extra'
reason = "an auxiliary loss"
)");
    EXPECT_EQ(map.apply("net.b7.fc.w")->name, "transformer.resblocks.7.mlp.c_fc.weight");
    EXPECT_TRUE(map.apply("net.p")->transposed);
    EXPECT_EQ(map.apply("net.extra.weight")->skip_reason, "an auxiliary loss (by the map)");
    EXPECT_FALSE(map.apply("other"));
}

TEST(NameMap, ANetworkOfItsOwnNamesIsMapped) {
    const Folder folder;
    auto list = open_clip_list("");
    for (auto& item : list) item.name = "net/" + item.name;
    list.push_back(tensor("net/extra", {2}));
    MappingOptions options;
    options.map = map_of(folder,
                         "[[rename]]\nfrom = '^net/'\nto = 'visual.'\n[[skip]]\nname = 'extra'\nreason "
                         "= 'unused'\n");
    const auto mapping = map_names(list, options, "x");
    EXPECT_EQ(mapping.layout, "open_clip");
    EXPECT_EQ(mapping.pieces.size(), 32U);
    ASSERT_EQ(mapping.skipped.size(), 1U);
    EXPECT_EQ(mapping.skipped[0].name, "net/extra");
}

TEST(NameMap, MistakesAreToldWithTheirLine) {
    const Folder folder;
    const auto text = refusal([&] {
        map_of(folder,
               "[[rename]]\nfrom = '('\nto = 'x'\n[[rename]]\nfrom = 3\n[[skip]]\nname = 'a'\nwhy = 'b'\n"
               "[other]\n");
    });
    for (const auto* part :
         {"names.toml:2:8: 'from' is no regular expression",
          "names.toml:5:8: 'from' must be text, found integer 3", "'to' is missing",
          "names.toml:8:1: unknown key 'why'", "'reason' is missing", "unknown key 'other'"})
        EXPECT_NE(text.find(part), std::string::npos) << part << " is not in: " << text;
}

TEST(NameMap, AnEmptyOneIsRefused) {
    const Folder folder;
    EXPECT_NE(refusal([&] { map_of(folder, ""); }).find("changes nothing"), std::string::npos);
}

TEST(NameMap, TwoTensorsOfOneNameAreRefused) {
    const Folder folder;
    MappingOptions options;
    options.map = map_of(folder, "[[rename]]\nfrom = 'ln_post|ln_pre'\nto = 'ln_pre'\n");
    EXPECT_NE(refusal([&] { map_names(open_clip_list(""), options, "x"); }).find("two tensors"),
              std::string::npos);
}

}  // namespace
}  // namespace vtvc::test
