#include "scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/job_file.hpp"

namespace fs = std::filesystem;

namespace vtvc::report {
namespace {

constexpr int deepest = 6;  // a store inside an output folder is three deep; links may form circles

class Scanner {
  public:
    explicit Scanner(Scan& out) : out_(out) {}

    void visit(const fs::path& path, const std::string& name, int depth) {
        std::error_code error;
        const fs::path target = fs::canonical(path, error);
        if (error || !fs::is_directory(target)) return;
        if (fs::exists(target / "resolved.toml")) {
            if (seen_.insert(target).second) take(target, name);
            return;
        }
        if (depth >= deepest || !seen_.insert(target).second) return;
        std::vector<fs::path> inside;
        for (const auto& entry : fs::directory_iterator(target)) inside.push_back(entry.path().filename());
        std::sort(inside.begin(), inside.end());
        for (const fs::path& part : inside)
            visit(target / part, name.empty() ? part.string() : name + "/" + part.string(), depth + 1);
    }

  private:
    void take(const fs::path& folder, const std::string& name) {
        if (!fs::exists(folder / "DONE")) {
            out_.notes.push_back("Left out: " + name + " is not finished (no DONE marker).");
            return;
        }
        Run run{folder, name, folder.filename().string(), load_job((folder / "resolved.toml").string()),
                nlohmann::json::object()};
        if (fs::exists(folder / "provenance.json"))
            run.provenance = nlohmann::json::parse(read_text(folder / "provenance.json"), nullptr, false);
        if (!run.provenance.is_object()) {
            run.provenance = nlohmann::json::object();
            out_.notes.push_back("Provenance of " + name + " could not be read.");
        }
        out_.runs.push_back(std::move(run));
    }

    Scan& out_;
    std::set<fs::path> seen_;
};

}  // namespace

Scan scan_runs(const fs::path& folder) {
    if (!fs::is_directory(folder))
        fail<StorageError>(
            "cannot report on {} (it is not a folder); give a folder that holds run folders or links",
            folder.string());
    Scan out;
    Scanner(out).visit(folder, "", 0);
    std::sort(out.runs.begin(), out.runs.end(), [](const Run& a, const Run& b) { return a.name < b.name; });
    return out;
}

const std::vector<std::pair<double, double>>* TrainingLog::find(const std::string& key) const {
    const auto found = curves.find(key);
    return found == curves.end() ? nullptr : &found->second;
}

TrainingLog read_log(const fs::path& path) {
    TrainingLog out;
    if (!fs::exists(path)) return out;
    std::istringstream lines(read_text(path));
    std::string line;
    for (int at = 1; std::getline(lines, line); ++at) {
        if (line.empty()) continue;
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object())
            fail<StorageError>(
                "not a JSON object at {}:{} (each line of a training log is one); was the run cut off?",
                path.string(), at);
        if (json.value("phase", "train") != "train")
            continue;  // a candidate of the selection, not the method
        const double step = json.value("step", 0.0);
        if (json.contains("warning")) {
            out.warnings.push_back({step, json.value("signature", ""), json.value("warning", "")});
            continue;
        }
        for (const auto& [key, value] : json.items()) {
            if (key == "step") continue;
            if (value.is_number()) out.curves[key].emplace_back(step, value.get<double>());
            if (!value.is_object()) continue;
            for (const auto& [inner, number] : value.items())
                if (number.is_number())
                    out.curves[fmt::format("{}.{}", key, inner)].emplace_back(step, number.get<double>());
        }
    }
    return out;
}

}  // namespace vtvc::report
