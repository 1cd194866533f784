// Why a job failed, from what its ranks wrote before they went.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <tuple>

#include "run_job.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {
namespace {

/// As sharding/src/cause.cpp writes it.
struct Cause {
    int rank = 0, ranks = 0;
    std::string host, kind, message;
    std::int64_t time_ns = 0;
    /// A rank knows best what happened to itself; then whoever noticed first.
    auto order() const { return std::tuple(kind != "error" && kind != "crash", time_ns); }
};

std::optional<Cause> read_cause(const std::filesystem::path& path) {
    const auto json = nlohmann::json::parse(read_text(path), nullptr, false);
    if (!json.is_object() || json.value("schema", 0) != 1) return std::nullopt;
    return Cause{.rank = json.value("rank", 0),
                 .ranks = json.value("ranks", 0),
                 .host = json.value("host", ""),
                 .kind = json.value("kind", ""),
                 .message = json.value("message", ""),
                 .time_ns = json.value("time_ns", std::int64_t{0})};
}

std::optional<Cause> first_cause(const std::filesystem::path& folder) {
    std::optional<Cause> first;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".json") continue;
        const auto cause = read_cause(entry.path());
        if (cause && (!first || cause->order() < first->order())) first = cause;
    }
    return first;
}

std::string by_signal(int code) {
    return fmt::format("was killed by signal {} ({})", code - 128, ::strsignal(code - 128));
}

bool is_death(int code) { return code > 128 && code < 128 + 64; }

}  // namespace

std::string explain(const std::filesystem::path& causes, int ranks, const Ending& ending) {
    if (ending.code == 0 || ending.code == exit_code::checkpointed) return "";
    if (ending.signal != 0)
        return fmt::format("stopped by signal {} ({})", ending.signal, ::strsignal(ending.signal));
    if (const auto cause = first_cause(causes)) {
        // The others saw it go; how it went, only mpirun knows.
        if (cause->kind == "gone" && is_death(ending.code))
            return fmt::format("rank {} of {} on {} {}", cause->rank, cause->ranks, cause->host,
                               by_signal(ending.code));
        return cause->message;
    }
    if (is_death(ending.code))
        return fmt::format("{} of {} {}", ranks == 1 ? "rank 0" : "a rank", ranks, by_signal(ending.code));
    return fmt::format("the job ended with code {} and none of its ranks said why", ending.code);
}

}  // namespace vtvc
