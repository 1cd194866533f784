#include "vtvc/core/run_folder.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <nlohmann/json.hpp>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/process.hpp"

namespace vtvc {
namespace fs = std::filesystem;

namespace {

std::string host_name() {
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    return host;
}

/// UTC, ISO 8601.
std::string time_text() {
    const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return text;
}

fs::path attempt_folder(const fs::path& run, int attempt) { return run / fmt::format("attempt-{}", attempt); }

/// Messages may hold bytes of a file's name that are no UTF-8; a status must not fail on them.
std::string dump(const nlohmann::ordered_json& json) {
    return json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

}  // namespace

fs::path store_folder(const std::string& option) {
    if (!option.empty()) return option;
    const char* variable = std::getenv("VTVC_STORE");
    return variable && *variable ? variable : "vtvc-store";
}

fs::path RunFolder::folder(const fs::path& store, const std::string& id) { return store / "runs" / id; }

bool RunFolder::is_done(const fs::path& store, const std::string& id) {
    std::error_code ignored;
    return fs::exists(folder(store, id) / "DONE", ignored);
}

RunFolder RunFolder::claim(const fs::path& store, const std::string& id) {
    RunFolder run;
    run.path_ = folder(store, id);
    std::error_code error;
    fs::create_directories(run.path_, error);
    if (error) fail<StorageError>("cannot make the run folder {} ({})", run.path_.string(), error.message());
    // mkdir is atomic on every file system, shared ones included: one of two claimants gets a number.
    for (run.attempt_ = 1;; ++run.attempt_) {
        const fs::path attempt = attempt_folder(run.path_, run.attempt_);
        if (::mkdir(attempt.c_str(), 0777) == 0) return run;
        if (errno != EEXIST)
            fail<StorageError>("cannot claim {} ({})", attempt.string(), std::strerror(errno));
    }
}

void RunFolder::stand_at(std::int64_t step, std::int64_t steps) {
    step_ = step;
    steps_ = steps;
}

void RunFolder::status(const std::string& state, const std::string& message) {
    if (fs::exists(attempt_folder(path_, attempt_ + 1))) {
        fail<StorageError>(
            "attempt {} of {} was overtaken by a later one (only the last may write); stop the other first",
            attempt_, path_.string());
    }
    const nlohmann::ordered_json json{{"schema", 1},         {"attempt", attempt_}, {"state", state},
                                      {"step", step_},       {"steps", steps_},     {"message", message},
                                      {"host", host_name()}, {"pid", ::getpid()},   {"time", time_text()}};
    write_atomically(file("status.json"), dump(json));
}

void RunFolder::settle(const fs::path& run, const std::string& message, std::chrono::milliseconds patience) {
    const fs::path file = run / "status.json";
    std::error_code ignored;
    if (!fs::exists(file, ignored)) return;
    const auto old = nlohmann::json::parse(read_text(file), nullptr, false);
    if (!old.is_object() || old.value("state", "") != "RUNNING" || old.value("host", "") != host_name())
        return;
    const pid_t writer = old.value("pid", 0);
    if (writer <= 0 || !is_gone_within(patience, writer)) return;
    RunFolder left;
    left.path_ = run;
    left.attempt_ = old.value("attempt", 1);
    left.stand_at(old.value("step", std::int64_t{0}), old.value("steps", std::int64_t{0}));
    left.status("FAILED", message);
}

void RunFolder::finish() {
    status("DONE");
    write_atomically(file("DONE"), fmt::format("attempt {}\n", attempt_));
}

void link_run(const std::string& out, const fs::path& run) {
    if (!out.empty()) point_link(out, fs::absolute(run));
}

std::string provenance_json(const std::string& command, int ranks,
                            const std::map<std::string, std::string>& inputs) {
    const nlohmann::ordered_json json{
        {"schema", 1},
        {"commit", code_version()},
        {"versions", {{"compiler", __VERSION__}, {"fmt", FMT_VERSION}}},
        {"host", host_name()},
        {"command", command},
        {"ranks", ranks},
        {"inputs", inputs},
        {"time", time_text()},
    };
    return dump(json);
}

}  // namespace vtvc
