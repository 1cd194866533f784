// vtvc bench compose --curves: one small bench job a point.
#include <algorithm>
#include <set>

#include "bench_compose.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

struct Point {
    std::string curve;
    std::int64_t samples, tokens, tasks, active;
    std::int64_t width = 768, mlp = 768;
};

/// A square of patches, with a class token where one is left over: which tokens a network can have.
std::vector<std::string> keys_of(const Point& p) {
    std::int64_t side = 1;
    while ((side + 1) * (side + 1) <= p.tokens) ++side;
    const bool class_token = side * side != p.tokens;
    if (p.tokens - side * side > 1)
        fail<ConfigError>("no network has {} tokens; take a square, or one more than a square", p.tokens);
    return {"bench.whole_network=false",
            "bench.repetitions=5",
            "model.channels=1",
            "model.patch=4",
            fmt::format("model.image={}", 4 * side),
            fmt::format("model.class_token={}", class_token),
            fmt::format("model.pool={}", class_token ? "class" : "patches"),
            fmt::format("model.width={}", p.width),
            fmt::format("model.mlp={}", p.mlp),
            "model.heads=1",
            fmt::format("bench.batch={}", p.samples),
            fmt::format("bench.tasks={}", p.tasks),
            fmt::format("bench.active={}", p.active)};
}

std::vector<Point> points() {
    std::vector<Point> all;
    for (const std::int64_t tokens : {1, 2, 4, 5, 9, 10, 16, 17, 25, 50, 101})
        all.push_back({"tokens", 64, tokens, 8, 2});
    for (const std::int64_t tokens : {197, 257}) all.push_back({"tokens", 16, tokens, 8, 2});
    for (const std::int64_t samples : {1, 2, 4, 8, 16, 32, 64}) all.push_back({"samples", samples, 50, 8, 2});
    for (const std::int64_t tasks : {1, 2, 4, 16, 32, 64})
        all.push_back({"tasks", 64, 50, tasks, std::min<std::int64_t>(tasks, 2)});
    for (const std::int64_t active : {1, 3, 4, 5, 6, 7}) all.push_back({"active", 64, 50, 8, active});
    all.push_back({"vit_b_16", 16, 197, 8, 2, 768, 3072});
    all.push_back({"vit_l_14", 8, 257, 8, 2, 1024, 4096});
    all.push_back({"demo", 64, 17, 8, 2, 64, 128});
    return all;
}

}  // namespace

Json measure_curves(const std::string& curve, std::int64_t threads,
                    const std::vector<std::string>& overrides) {
    Json rows = Json::array();
    std::set<std::string> names;
    for (const Point& p : points()) {
        names.insert(p.curve);
        if (curve != "all" && curve != p.curve) continue;
        std::vector<std::string> keys = keys_of(p);
        keys.insert(keys.end(), overrides.begin(), overrides.end());
        const Json got = measure_composition(threads, keys);
        const auto width = got.at("width").get<std::int64_t>(), mlp = got.at("mlp").get<std::int64_t>();
        const auto add = [&](const std::string& key, std::int64_t outputs, std::int64_t inputs,
                             std::int64_t active, const char* storage) {
            if (!got.contains(key)) return;
            const auto tokens = got.at("tokens").get<double>();
            rows.push_back({{"curve", p.curve},
                            {"outputs", outputs},
                            {"inputs", inputs},
                            {"samples", got.at("samples")},
                            {"tokens", got.at("tokens")},
                            {"tasks", got.at("tasks")},
                            {"active", active},
                            {"storage", storage},
                            {"ratio", got.at(key)},
                            {"bound", (tokens + static_cast<double>(active)) / tokens}});
        };
        for (const std::int64_t active : std::set<std::int64_t>{p.tasks, p.active, 0}) {
            const std::string key = fmt::format("linear_{}of{}", active, p.tasks);
            add(key, width, width, active, "f32");
            add(key + "_up", mlp, width, active, "f32");
            add(key + "_down", width, mlp, active, "f32");
        }
        for (const char* storage : {"bf16", "int8"})
            add(fmt::format("{}_{}of{}", storage, p.tasks, p.tasks), width, width, p.tasks, storage);
    }
    if (rows.empty())
        fail<ConfigError>("there is no curve '{}' to measure; there are: all, {}", curve,
                          fmt::join(names, ", "));
    return rows;
}

}  // namespace vtvc
