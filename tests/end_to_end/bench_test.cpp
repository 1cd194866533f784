// vtvc bench as a user calls it, on a network so small that its numbers mean nothing: which there are, and
// that each is a plausible ratio.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "world.hpp"

namespace vtvc::testing {
namespace {

std::string bench(const std::string& options) {
    return std::string(VTVC_BIN_DIR) +
           "/vtvc bench compose --set model.image=8 --set model.channels=1 --set model.patch=4 --set "
           "model.width=16 "
           "--set model.depth=1 --set model.heads=2 --set model.mlp=32 --set model.output=8 --set "
           "bench.batch=3 "
           "--set bench.tasks=3 --set bench.active=1 --set bench.repetitions=1 " +
           options;
}

TEST(Bench, GivesTheKeysOfEveryCase) {
    const Outcome outcome = shell(bench("--json 2>/dev/null"));
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const auto json = nlohmann::json::parse(outcome.text);
    for (const char* key : {"linear_3of3", "linear_1of3", "linear_0of3", "linear_3of3_up", "linear_3of3_down",
                            "linear_3of3_worst", "forward_3of3", "forward_1of3", "step_3of3", "step_1of3",
                            "int8_3of3", "bf16_3of3", "memory", "tangent_speedup"}) {
        ASSERT_TRUE(json.contains(key)) << key;
        EXPECT_GT(json[key].get<double>(), 0) << key;
        EXPECT_LT(json[key].get<double>(), 1e4) << key;
    }
    EXPECT_FALSE(json.contains("scale_threads_2"));
    EXPECT_EQ(json["tokens"], 5);
    EXPECT_GE(json["linear_3of3_worst"], json["linear_3of3"]);
    EXPECT_FALSE(json["isa"].get<std::string>().empty());
    EXPECT_GT(json["packed_bytes"].get<std::int64_t>(), 0);
}

TEST(Bench, DrawsACurveAsATable) {
    const std::string verb = std::string(VTVC_BIN_DIR) +
                             "/vtvc bench compose --set bench.repetitions=1 --set "
                             "bench.batch=2 --curves ";
    const Outcome outcome = shell(verb + "demo 2>/dev/null");
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    EXPECT_EQ(outcome.text.rfind("curve,outputs,inputs,samples,tokens,tasks,active,storage,ratio,bound\n", 0),
              0U)
        << outcome.text;
    for (const char* row :
         {"\ndemo,64,64,2,17,8,8,f32,", "\ndemo,128,64,2,17,8,2,f32,", "\ndemo,64,128,2,17,8,0,f32,",
          "\ndemo,64,64,2,17,8,8,int8,", "\ndemo,64,64,2,17,8,8,bf16,"})
        EXPECT_NE(outcome.text.find(row), std::string::npos) << row << " of " << outcome.text;
    const Outcome unknown = shell(verb + "loops");
    EXPECT_NE(unknown.code, 0);
    EXPECT_NE(unknown.text.find("'loops'"), std::string::npos) << unknown.text;
}

TEST(Bench, MeasuresScalingOnTwoThreadsInWallTime) {
    const Outcome outcome = shell(bench("--threads 2 --set bench.whole_network=false --json 2>/dev/null"));
    ASSERT_EQ(outcome.code, 0) << outcome.text;
    const auto json = nlohmann::json::parse(outcome.text);
    EXPECT_EQ(json["clock"], "wall");
    EXPECT_GT(json["scale_threads_2"].get<double>(), 0);
    EXPECT_FALSE(json.contains("forward_3of3"));
}

TEST(Bench, RefusesAnInstructionSetThatIsNotThere) {
    const Outcome outcome = shell(bench("--set bench.isa=avx1024"));
    EXPECT_NE(outcome.code, 0);
    EXPECT_NE(outcome.text.find("avx1024"), std::string::npos) << outcome.text;
    EXPECT_NE(shell(bench("--set bench.active=9")).code, 0);
}

}  // namespace
}  // namespace vtvc::testing
