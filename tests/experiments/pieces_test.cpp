// The small parts of a page: text, pictures, pairing.
#include <gtest/gtest.h>
#include <zlib.h>

#include "charts.hpp"
#include "compare.hpp"
#include "html.hpp"
#include "png.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::report {
namespace {

TEST(Text, EscapesWhatHtmlReads) {
    EXPECT_EQ(escape("<a href=\"x\">&'"), "&lt;a href=&quot;x&quot;&gt;&amp;&#39;");
}

TEST(Text, PrintsNumbersAsAPaperDoes) {
    EXPECT_EQ(number(-1.25, 1), "−1.2");  // a true minus; ties to even as printf has them
    EXPECT_EQ(number(-.01, 1), "0.0");    // no negative zero
    EXPECT_EQ(number(nan, 1), "–");
    EXPECT_EQ(signed_number(2, 1), "+2.0");
    EXPECT_EQ(signed_number(.01, 1), "0.0");
    EXPECT_EQ(with_sd(63.7, .5, 1), "63.7 ± 0.5");
    EXPECT_EQ(with_sd(63.7, nan, 1), "63.7");
    EXPECT_EQ(p_value(.0001), "&lt; 0.001");
}

TEST(Axis, HasRoundTicksInsideItsRange) {
    EXPECT_EQ(ticks(0, 1, 5).size(), 6u);
    for (double t : ticks(.13, .87, 5)) {
        EXPECT_GE(t, .13);
        EXPECT_LE(t, .87);
    }
    EXPECT_EQ(tick_label(.25, .05), "0.25");
    EXPECT_EQ(tick_label(1500, 500), "1500");
    EXPECT_EQ(tick_label(20000, 5000), "20k");
    EXPECT_EQ(ticks(2, 2).size(), 1u);  // no width, no endless loop
}

TEST(Base64, GivesTheKnownAnswers) {
    EXPECT_EQ(base64(""), "");
    EXPECT_EQ(base64("f"), "Zg==");
    EXPECT_EQ(base64("fo"), "Zm8=");
    EXPECT_EQ(base64("foo"), "Zm9v");
    EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

std::uint32_t word_at(const std::string& bytes, std::size_t at) {
    std::uint32_t out = 0;
    for (std::size_t i = 0; i < 4; ++i) out = out << 8 | static_cast<unsigned char>(bytes[at + i]);
    return out;
}

TEST(Png, HoldsThePixelsInChunksWithRightSums) {
    const std::vector<std::uint8_t> pixels{0, 50, 100, 150, 200, 250};
    const std::string file = png(pixels, 2, 3, 1);
    ASSERT_EQ(file.substr(0, 8), "\x89PNG\r\n\x1a\n");
    std::string packed;
    for (std::size_t at = 8; at < file.size();) {
        const std::uint32_t length = word_at(file, at);
        const std::string body = file.substr(at + 4, length + 4);
        EXPECT_EQ(word_at(file, at + 8 + length),
                  crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
        if (body.starts_with("IHDR")) {
            EXPECT_EQ(word_at(body, 4), 3u);  // width, then height
            EXPECT_EQ(word_at(body, 8), 2u);
        }
        if (body.starts_with("IDAT")) packed += body.substr(4);
        at += 12 + length;
    }
    std::vector<std::uint8_t> raw(8);
    uLongf size = raw.size();
    ASSERT_EQ(uncompress(raw.data(), &size, reinterpret_cast<const Bytef*>(packed.data()), packed.size()),
              Z_OK);
    EXPECT_EQ(raw, (std::vector<std::uint8_t>{0, 0, 50, 100, 0, 150, 200, 250}));  // a filter byte a line
    EXPECT_THROW(png(pixels, 2, 2, 1), NumericError);
    EXPECT_THROW(png(pixels, 1, 3, 2), NumericError);
}

TEST(Grid, AveragesOverThoseThatHaveACell) {
    const Grid a{{"x"}, {"k", "l"}, {1, 3}}, b{{"x", "y"}, {"l"}, {5, 7}};
    const Grid both = average_of({a, b});
    EXPECT_EQ(both.rows, (std::vector<std::string>{"x", "y"}));
    EXPECT_EQ(both.columns, (std::vector<std::string>{"k", "l"}));
    EXPECT_EQ(both.at(0, 0), 1);
    EXPECT_EQ(both.at(0, 1), 4);
    EXPECT_TRUE(std::isnan(both.at(1, 0)));
    EXPECT_EQ(both.at(1, 1), 7);
}

Cell cell_of(std::vector<std::int64_t> ids, std::vector<double> correct) {
    Cell cell;
    cell.ids = std::move(ids);
    cell.correct = std::move(correct);
    return cell;
}

TEST(Pairing, MeetsImagesByTheirIdsAndSeedsByTheirNumbers) {
    Row main, rival;
    main.cells["d"][0] = cell_of({1, 2, 3}, {1, 1, 0});
    main.cells["d"][1] = cell_of({1, 2, 3}, {0, 1, 1});
    rival.cells["d"][0] = cell_of({3, 2, 9}, {0, 0, 1});  // another order, and an image the other did not see
    const auto sets = pair_up(main, rival, &Cell::correct);
    ASSERT_EQ(sets.size(), 1u);
    EXPECT_EQ(sets[0].seeds, 2);
    EXPECT_EQ(sets[0].images, 2);
    EXPECT_EQ(sets[0].values, (std::vector<double>{1, 0, 1, 1}));  // images 2, 3 under seeds 0, 1
    rival.cells.clear();
    rival.cells["other"][0] = cell_of({1}, {1});
    EXPECT_TRUE(pair_up(main, rival, &Cell::correct).empty());
}

TEST(Order, PutsMergesFirstAndIndividualLast) {
    const std::vector<std::string> order{"zero_shot", "ties",    "per_dataset", "amortised", "vtvc",
                                         "vtvc_hard", "vtvc_mc", "unheard_of",  "individual"};
    for (std::size_t i = 1; i < order.size(); ++i)
        EXPECT_LT(method_place(order[i - 1]), method_place(order[i])) << order[i];
    EXPECT_EQ(method_name("vtvc_hard"), "VTVC, hard");
    EXPECT_EQ(method_name("unheard_of"), "unheard_of");
}

TEST(BlockMap, NamesTheLayersOfTheNetwork) {
    const Grid grid{{"task"},
                    {"conv1.weight", "h.resblocks.0.a", "h.resblocks.0.b", "h.resblocks.1.a", "proj"},
                    {0, .5, 1, .2, nan}};
    const std::string svg = block_map(grid, "map");
    EXPECT_NE(svg.find(">layer 0<"), std::string::npos);
    EXPECT_NE(svg.find("h.resblocks.0.b: 100.0 %"), std::string::npos);
    EXPECT_NE(svg.find("proj: – %"), std::string::npos);
}

TEST(LineChart, OfNothingIsNothing) { EXPECT_EQ(line_chart({"t", "x", "y", {{"a", "red", {}}}}), ""); }

}  // namespace
}  // namespace vtvc::report
