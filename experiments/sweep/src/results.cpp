#include "vtvc/sweep/results.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc::sweep {
namespace fs = std::filesystem;

namespace {

using Json = nlohmann::ordered_json;
constexpr int deepest = 6;

void collect(const nlohmann::json& json, const std::string& name, int depth,
             std::map<std::string, double>& into) {
    if (json.is_number()) {
        into.emplace(name, json.get<double>());
    } else if (json.is_structured() && depth < deepest) {
        std::size_t index = 0;
        for (const auto& [key, value] : json.items()) {
            const std::string part = json.is_array() ? std::to_string(index++) : key;
            collect(value, name.empty() ? part : fmt::format("{}.{}", name, part), depth + 1, into);
        }
    }
}

std::string csv_cell(const std::string& text) {
    if (text.find_first_of(",\"\n") == std::string::npos) return text;
    std::string cell = "\"";
    for (const char c : text) {
        if (c == '"') cell += '"';
        cell += c;
    }
    return cell + '"';
}

struct Row {
    std::size_t point;
    std::map<std::string, std::string> settings;
    std::map<std::string, double> numbers;
};

std::vector<Row> rows_of(Overview& sweep) {
    std::vector<Row> rows;
    const Plan& plan = sweep.plan();
    for (std::size_t i = 0; i < plan.size(); ++i) {
        if (plan.same_as(i) != i) continue;
        Row row{i, {}, {}};
        for (const auto& [axis, label] : plan.settings(i)) row.settings.emplace(axis, label);
        if (sweep.state_of(i) == State::done && sweep.stock().done(i))
            row.numbers = numbers_of(sweep.stock().folder(i));
        rows.push_back(std::move(row));
    }
    return rows;
}

/// Axes in the order in which the plan first has them.
std::vector<std::string> axes_of(const Plan& plan) {
    std::vector<std::string> axes;
    for (std::size_t i = 0; i < plan.size(); ++i)
        for (const auto& [axis, label] : plan.settings(i))
            if (std::find(axes.begin(), axes.end(), axis) == axes.end()) axes.push_back(axis);
    return axes;
}

}  // namespace

std::map<std::string, double> numbers_of(const fs::path& run) {
    std::map<std::string, double> numbers;
    for (const char* name : {"result.json", "evaluation.json"}) {
        std::ifstream file(run / name);
        if (file) collect(nlohmann::json::parse(file, nullptr, false), "", 0, numbers);
    }
    return numbers;
}

std::string export_csv(Overview& sweep) {
    const auto rows = rows_of(sweep);
    const auto axes = axes_of(sweep.plan());
    std::set<std::string> numbers;
    for (const Row& row : rows)
        for (const auto& [name, value] : row.numbers) numbers.insert(name);
    std::string text = "key,id,stage";
    for (const std::string& axis : axes) text += fmt::format(",{}", csv_cell(axis));
    text += ",state,attempts,seconds,step";
    for (const std::string& name : numbers) text += fmt::format(",{}", csv_cell(name));
    text += '\n';
    for (const Row& row : rows) {
        const RunState& about = sweep.run(row.point);
        const Plan& plan = sweep.plan();
        text += fmt::format("{},{},{}", key_text(plan.key(row.point)), about.id,
                            csv_cell(plan.file().stages[plan.stage_of(row.point)].name));
        for (const std::string& axis : axes) {
            const auto found = row.settings.find(axis);
            text += fmt::format(",{}", found == row.settings.end() ? "" : csv_cell(found->second));
        }
        text += fmt::format(",{},{},{:.3f},{}", state_name(sweep.state_of(row.point)), about.attempts,
                            about.seconds, about.step);
        for (const std::string& name : numbers) {
            const auto found = row.numbers.find(name);
            text += found == row.numbers.end() ? "," : fmt::format(",{}", found->second);
        }
        text += '\n';
    }
    return text;
}

std::string export_json(Overview& sweep) {
    Json runs = Json::array();
    for (const Row& row : rows_of(sweep)) {
        const RunState& about = sweep.run(row.point);
        const Plan& plan = sweep.plan();
        runs.push_back({{"key", key_text(plan.key(row.point))},
                        {"id", about.id},
                        {"stage", plan.file().stages[plan.stage_of(row.point)].name},
                        {"settings", row.settings},
                        {"state", state_name(sweep.state_of(row.point))},
                        {"attempts", about.attempts},
                        {"seconds", about.seconds},
                        {"step", about.step},
                        {"numbers", row.numbers}});
    }
    return Json{{"schema", 1}, {"sweep", sweep.plan().file().name}, {"runs", runs}}.dump(1) + "\n";
}

void write_exports(Overview& sweep) {
    for (const std::string& form : sweep.plan().file().exports)
        write_atomically(sweep.folder().path / ("runs." + form),
                         form == "csv" ? export_csv(sweep) : export_json(sweep));
}

fs::path link_finished(Overview& sweep) {
    const fs::path links = sweep.folder().path / "runs";
    std::error_code error;
    fs::create_directories(links, error);
    if (error) fail<StorageError>("cannot make the folder {} ({})", links.string(), error.message());
    std::set<std::string> wanted;
    for (std::size_t i = 0; i < sweep.plan().size(); ++i) {
        if (!sweep.stock().done(i)) continue;
        const std::string name = sweep.plan().name(i);
        wanted.insert(name);
        const fs::path target = fs::absolute(sweep.stock().folder(i)).lexically_normal();
        if (fs::read_symlink(links / name, error) == target) continue;
        point_link(links / name, target);
    }
    std::vector<fs::path> old;
    for (const auto& entry : fs::directory_iterator(links))
        if (entry.is_symlink() && !wanted.contains(entry.path().filename().string()))
            old.push_back(entry.path());
    for (const fs::path& link : old) fs::remove(link, error);
    return links;
}

std::vector<Damage> verify_runs(Overview& sweep, int threads) {
    std::vector<Damage> found;
    const Plan& plan = sweep.plan();
    for (std::size_t i = 0; i < plan.size(); ++i) {
        if (plan.same_as(i) != i || sweep.state_of(i) != State::done) continue;
        if (!sweep.stock().done(i)) {
            found.push_back(
                {plan.name(i), "the journal says that it is done, but the store has no finished run"});
            continue;
        }
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(sweep.stock().folder(i), none)) {
            if (entry.path().extension() != ".h5") continue;
            std::string problem;
            try {
                if (!verify_file(entry.path(), threads).whole()) problem = "damaged (vtvc verify says where)";
            } catch (const StorageError& error) {
                problem = error.what();
            }
            if (!problem.empty())
                found.push_back(
                    {plan.name(i), fmt::format("{}: {}", entry.path().filename().string(), problem)});
        }
    }
    return found;
}

}  // namespace vtvc::sweep
