#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "program.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

using Json = nlohmann::json;

class CommandLine : public testing::Test {
  protected:
    Outcome vtvc(const std::string& arguments) {
        return run_program(std::string(VTVC_BIN_DIR) + "/vtvc " + arguments, scratch_.path());
    }
    std::string file(const std::string& name) const { return (scratch_.path() / name).string(); }
    void write(const std::string& name, const std::string& text) { std::ofstream(file(name)) << text; }
    /// A model file with one weight; the base's hash makes it a fine-tuned one.
    std::string model(const std::string& name, std::vector<float> weight, const std::string& base_hash = "") {
        TensorFile model{.kind = "model", .meta = "", .tensors = {}};
        Json meta{{"model", {{"kind", "toy"}}}};
        if (!base_hash.empty()) meta["base_hash"] = base_hash;
        model.meta = meta.dump();
        model.tensors["visual.weight"] = HostTensor::of<float>({2, 2}, weight);
        model.write(file(name));
        return model.content_hash();
    }
    test::Scratch scratch_;
};

void expect_one_line(const std::string& text, const std::string& word) {
    EXPECT_EQ(text.rfind("vtvc: ", 0), 0U) << text;
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
    EXPECT_NE(text.find(word), std::string::npos) << text;
}

TEST_F(CommandLine, HelpAndVersionSucceed) {
    const Outcome help = vtvc("--help");
    EXPECT_EQ(help.code, 0);
    for (const char* verb : {"data", "bank", "job", "inspect", "verify", "doctor"})
        EXPECT_NE(help.out.find(verb), std::string::npos) << verb;
    EXPECT_EQ(vtvc("--version").code, 0);
    EXPECT_EQ(vtvc("data mix --help").code, 0);
}

TEST_F(CommandLine, WrongUsageEndsWithTwoAndOneLine) {
    for (const char* arguments : {"", "fly", "data", "data import idx", "inspect", "inspect a b",
                                  "data render-glyphs --set digits --seed many -o x.h5"}) {
        const Outcome outcome = vtvc(arguments);
        EXPECT_EQ(outcome.code, 2) << arguments;
        expect_one_line(outcome.err, "");
        EXPECT_EQ(outcome.out, "") << arguments;
    }
}

TEST_F(CommandLine, ImpossibleRequestsEndWithTwo) {
    Outcome outcome = vtvc("data render-glyphs --set runes -o x.h5");
    EXPECT_EQ(outcome.code, 2);
    expect_one_line(outcome.err, "foundation");
    outcome = vtvc("bank build --base b.h5 --task greek -o x.h5");
    EXPECT_EQ(outcome.code, 2);
    expect_one_line(outcome.err, "NAME=MODEL");
    outcome = vtvc("dump-default sorcery");
    EXPECT_EQ(outcome.code, 2);
    expect_one_line(outcome.err, "sorcery");
}

TEST_F(CommandLine, MissingAndForeignFilesEndWithOne) {
    write("foreign.h5", "not HDF5 at all");
    for (const char* verb : {"inspect", "verify"})
        for (const char* name : {"absent.h5", "foreign.h5"}) {
            const Outcome outcome = vtvc(std::string(verb) + ' ' + name);
            EXPECT_EQ(outcome.code, 1) << verb << name;
            expect_one_line(outcome.err, name);
        }
}

TEST_F(CommandLine, AReportOfNoRunsEndsWithOneAndWritesNothing) {
    std::filesystem::create_directories(scratch_.path() / "runs");
    const Outcome outcome = vtvc("report runs -o out");
    EXPECT_EQ(outcome.code, 1);
    expect_one_line(outcome.err, "runs");
    EXPECT_FALSE(std::filesystem::exists(scratch_.path() / "out" / "report.html"));
}

TEST_F(CommandLine, JobCheckListsEveryProblemAndResolvesASoundJob) {
    const Outcome dump = vtvc("job dump-default pretrain");
    ASSERT_EQ(dump.code, 0) << dump.err;
    EXPECT_EQ(vtvc("dump-default pretrain").out, dump.out);
    write("bad.toml", "[job]\nkind = \"pretrain\"\nsedes = 3\n[train]\nstps = 1\n");
    const Outcome bad = vtvc("job check bad.toml");
    EXPECT_EQ(bad.code, 2);
    EXPECT_NE(bad.err.find("sedes"), std::string::npos) << bad.err;
    EXPECT_NE(bad.err.find("stps"), std::string::npos) << bad.err;
    EXPECT_NE(bad.err.find("bad.toml:3"), std::string::npos) << bad.err;

    const Outcome listed = vtvc("job check bad.toml --json");
    EXPECT_EQ(listed.code, 2);
    EXPECT_EQ(listed.err, "");
    const Json problems = Json::parse(listed.out);
    EXPECT_EQ(problems["sound"], false);
    EXPECT_GE(problems["problems"].size(), 3U) << listed.out;  // two spellings, and the data that is missing
    write("good.toml", "[job]\nkind = \"pretrain\"\n[input]\ndata = \"d.h5\"\n");
    const Json sound = Json::parse(vtvc("job check good.toml --json").out);
    EXPECT_EQ(sound["sound"], true);
    EXPECT_EQ(sound["kind"], "pretrain");
    EXPECT_NE(sound["resolved"].get<std::string>().find("steps"), std::string::npos);
}

TEST_F(CommandLine, RenderMixInspectAndVerifyGoHandInHand) {
    Outcome outcome = vtvc("data render-glyphs --set digits --limit 20 --json -o digits.h5");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(Json::parse(outcome.out)["rows"]["train"], 200);
    outcome = vtvc("data mix digits.h5 --subdomains clean,inverted --name mixed -o mixed.h5");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("mixed, 10 classes, 200 train"), std::string::npos) << outcome.out;
    outcome = vtvc("data transform digits.h5 --only rotated90 -o turned.h5");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(read_test_labels(file("mixed.h5")), read_test_labels(file("digits.h5")));

    outcome = vtvc("inspect mixed.h5 --json");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json about = Json::parse(outcome.out);
    EXPECT_EQ(about["kind"], "dataset");
    EXPECT_EQ(about["name"], "mixed");
    EXPECT_EQ(about["subdomains"], (Json{"clean", "inverted"}));
    EXPECT_EQ(about["hash"], content_hash_of(file("mixed.h5")));
    EXPECT_NE(vtvc("inspect mixed.h5").out.find("train 200"), std::string::npos);
    EXPECT_EQ(vtvc("verify mixed.h5").code, 0);
    EXPECT_EQ(vtvc("data mix digits.h5 --subdomains clean,clean -o x.h5").code, 2);
}

TEST_F(CommandLine, VerifyFindsAChangedByte) {
    ASSERT_EQ(vtvc("data render-glyphs --set digits --limit 20 -o digits.h5").code, 0);
    const auto size = std::filesystem::file_size(file("digits.h5"));
    std::fstream bytes(file("digits.h5"), std::ios::binary | std::ios::in | std::ios::out);
    std::string content(size, '\0');
    bytes.read(content.data(), static_cast<std::streamsize>(size));
    const SplitData rows = Dataset::open(file("digits.h5")).read(Split::train);
    const std::string picture(rows.images.begin(), rows.images.begin() + 784);
    const auto place = content.find(picture);
    ASSERT_NE(place, std::string::npos) << "the images are stored in another way: change the test";
    bytes.seekp(static_cast<std::streamoff>(place + 400));
    bytes.put(static_cast<char>(~picture[400]));
    bytes.close();
    const Outcome outcome = vtvc("verify digits.h5");
    EXPECT_EQ(outcome.code, 1);
    expect_one_line(outcome.err, "digits.h5");
}

TEST_F(CommandLine, BankBuildAndInspectGiveNormsAndCosines) {
    const std::string base = model("base.h5", {1, 0, 0, 0});
    model("a.h5", {4, 4, 0, 0}, base);  // τ = (3, 4)
    model("b.h5", {1, 2, 0, 0}, base);  // τ = (0, 2)
    Outcome outcome = vtvc("bank build --base base.h5 --task a=a.h5 --task b=b.h5 -o bank.h5");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("2 task vectors"), std::string::npos) << outcome.out;
    outcome = vtvc("inspect bank.h5 --json");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    const Json tasks = Json::parse(outcome.out)["tasks"];
    EXPECT_NEAR(tasks["a"]["norm"], 5, 1e-6);
    EXPECT_NEAR(tasks["b"]["norm_over_base"], 2, 1e-6);
    EXPECT_NEAR(tasks["b"]["cosines"]["a"], .8, 1e-6);
    EXPECT_EQ(vtvc("verify bank.h5").code, 0);
    EXPECT_EQ(vtvc("inspect a.h5").code, 0);
    EXPECT_EQ(vtvc("bank build --base base.h5 --task a=a.h5 --task a=b.h5 -o twice.h5").code, 1);
}

TEST_F(CommandLine, InspectFitsOneScreenHoweverMuchAFileSays) {
    TensorFile large;
    large.kind = "model";
    Json tensors = Json::array();
    for (int i = 0; i < 200; ++i) {
        const std::string name = "transformer.resblocks." + std::to_string(i) + ".attn.in_proj_weight";
        tensors.push_back(
            {{"name", "model.visual." + name}, {"type", "f32"}, {"shape", {1}}, {"block", name}});
        large.tensors[name] = HostTensor::of<float>({1}, std::vector<float>{1});
    }
    large.meta =
        Json{{"origin", {{"layout", "open_clip"}, {"tensors", tensors}, {"config", std::string(3000, 'x')}}}}
            .dump();
    large.write(file("large.h5"));
    const Outcome outcome = vtvc("inspect large.h5");
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_NE(outcome.out.find("open_clip"), std::string::npos) << outcome.out;
    EXPECT_NE(outcome.out.find("200 entries"), std::string::npos) << outcome.out;
    std::istringstream lines(outcome.out);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) EXPECT_LE(line.size(), 160U) << line;
    EXPECT_LE(count, 45U) << outcome.out;
    EXPECT_EQ(Json::parse(vtvc("inspect large.h5 --json").out)["meta"]["origin"]["tensors"].size(), 200U);
}

TEST_F(CommandLine, LinksNeitherTorchNorMpi) {
    const Outcome outcome = run_program("ldd " + std::string(VTVC_BIN_DIR) + "/vtvc", scratch_.path());
    ASSERT_EQ(outcome.code, 0);
    EXPECT_NE(outcome.out.find("libhdf5"), std::string::npos);  // the listing is a real one
    for (const char* library : {"torch", "libc10", "libmpi", "libcuda", "openblas"})
        EXPECT_EQ(outcome.out.find(library), std::string::npos) << outcome.out;
}

TEST_F(CommandLine, AnswersWithinFiftyMilliseconds) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    constexpr double limit_s = 1;  // sanitizers take their own time to start
#else
    constexpr double limit_s = .05;
#endif
    // The first of many that is quick enough: the machine may be busy.
    auto best = std::chrono::duration<double>::max();
    for (int i = 0; i < 40 && best.count() >= limit_s; ++i) {
        const auto start = std::chrono::steady_clock::now();
        ASSERT_EQ(vtvc("--version").code, 0);
        best = std::min<std::chrono::duration<double>>(best, std::chrono::steady_clock::now() - start);
    }
    EXPECT_LT(best.count(), limit_s);
}

TEST_F(CommandLine, DoctorSaysWhatIsWrongAndWhatToDo) {
    const Outcome outcome = vtvc("doctor --json");
    for (const Json& finding : Json::parse(outcome.out))
        EXPECT_EQ(finding["advice"].get<std::string>().empty(), finding["fine"].get<bool>()) << finding;
    const Outcome bare =
        run_program("PATH=/nowhere " + std::string(VTVC_BIN_DIR) + "/vtvc doctor", scratch_.path());
    EXPECT_EQ(bare.code, 1);
    EXPECT_NE(bare.out.find("openmpi-bin"), std::string::npos) << bare.out;
}

}  // namespace
}  // namespace vtvc
