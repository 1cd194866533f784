#include "run_facts.hpp"

#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "vtvc/core/error.hpp"
#include "vtvc/core/process.hpp"
#include "vtvc/sweep/manager.hpp"

namespace vtvc::sweep {
namespace {

namespace fs = std::filesystem;
constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr std::streamoff tail_bytes = 1 << 16;  ///< of metrics.jsonl

nlohmann::json read_json(const fs::path& path) {
    std::ifstream file(path);
    return file ? nlohmann::json::parse(file, nullptr, false) : nlohmann::json();
}

/// A number by its dotted key; a part that is an index walks into a list.
double number_at(const nlohmann::json& json, std::string_view name) {
    const nlohmann::json* at = &json;
    while (!name.empty()) {
        const std::string part(name.substr(0, name.find('.')));
        name.remove_prefix(std::min(name.size(), part.size() + 1));
        if (at->is_object() && at->contains(part)) {
            at = &(*at)[part];
        } else if (at->is_array() && !part.empty() &&
                   part.find_first_not_of("0123456789") == std::string::npos && part.size() < 7 &&
                   std::stoul(part) < at->size()) {
            at = &(*at)[std::stoul(part)];
        } else {
            return nan;
        }
    }
    return at->is_number() ? at->get<double>() : nan;
}

double last_line_with(const fs::path& path, const std::string& name) {
    std::ifstream file(path);
    if (!file) return nan;
    file.seekg(0, std::ios::end);
    file.seekg(std::max<std::streamoff>(0, static_cast<std::streamoff>(file.tellg()) - tail_bytes));
    double last = nan;
    for (std::string line; std::getline(file, line);) {
        const auto json = nlohmann::json::parse(line, nullptr, false);
        if (!json.is_object() || json.value("phase", "train") != "train") continue;
        if (const double number = number_at(json, name); std::isfinite(number)) last = number;
    }
    return last;
}

}  // namespace

double final_metric(const fs::path& run, const std::string& name) {
    if (name.empty()) return nan;
    for (const char* file : {"result.json", "evaluation.json"})
        if (const double number = number_at(read_json(run / file), name); std::isfinite(number))
            return number;
    return last_line_with(run / "metrics.jsonl", name);
}

std::int64_t step_of(const fs::path& run) {
    const auto json = read_json(run / "status.json");
    const auto step = json.is_object() ? json.find("step") : json.end();
    return json.is_object() && step != json.end() && step->is_number_integer() ? step->get<std::int64_t>()
                                                                               : -1;
}

bool has_live_writer(const fs::path& run) {
    const auto json = read_json(run / "status.json");
    if (!json.is_object() || !json.contains("pid") || !json["pid"].is_number_integer()) return false;
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    const auto text = [&](const char* key) {
        return json.contains(key) && json[key].is_string() ? json[key].get<std::string>() : "";
    };
    return text("state") == "RUNNING" && text("host") == host && !process_is_gone(json["pid"].get<int>());
}

void write_plainly(const fs::path& path, const std::string& text) {
    const fs::path temporary = path.string() + ".partial";
    {
        std::ofstream out(temporary, std::ios::binary);
        out << text;
        out.close();
        if (!out) fail<StorageError>("cannot write {} ({})", temporary.string(), std::strerror(errno));
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        fail<StorageError>("cannot rename a finished file to {} ({})", path.string(), std::strerror(errno));
}

}  // namespace vtvc::sweep
