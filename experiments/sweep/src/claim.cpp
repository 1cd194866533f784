#include "vtvc/sweep/claim.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/process.hpp"

namespace vtvc::sweep {
namespace fs = std::filesystem;

namespace {

constexpr const char* prefix = "owner-";

/// Small files of /proc, which have no size; empty when the process has gone.
std::string slurp(const fs::path& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return std::move(text).str();
}

/// Field 22 of /proc/PID/stat; 0: no such process.
std::uint64_t start_of(std::int64_t pid) {
    const std::string stat = slurp(fmt::format("/proc/{}/stat", pid));
    const auto name_end = stat.rfind(')');
    if (name_end == std::string::npos) return 0;
    std::istringstream fields(stat.substr(name_end + 1));
    std::string field;
    for (int i = 3; i <= 22; ++i) fields >> field;
    return std::strtoull(field.c_str(), nullptr, 10);
}

std::string link_text(const char* path) {
    std::error_code none;
    return fs::read_symlink(path, none).string();
}

fs::path claim_file(const fs::path& folder, int number) {
    return folder / fmt::format("{}{}.json", prefix, number);
}
fs::path release_file(const fs::path& folder, int number) {
    return folder / fmt::format("{}{}.released", prefix, number);
}

int highest_number(const fs::path& folder) {
    int highest = 0;
    for (const auto& entry : fs::directory_iterator(folder)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(prefix) && name.ends_with(".json"))
            highest = std::max(highest, std::atoi(name.c_str() + std::strlen(prefix)));
    }
    return highest;
}

Owner read_owner(const fs::path& folder, int number) {
    Owner owner;
    owner.number = number;
    std::error_code none;
    owner.released = fs::exists(release_file(folder, number), none);
    const auto json = nlohmann::json::parse(slurp(claim_file(folder, number)), nullptr, false);
    if (!json.is_object()) return owner;
    owner.host = json.value("host", "");
    owner.boot = json.value("boot", "");
    owner.space = json.value("space", "");
    owner.pid = json.value("pid", std::int64_t{0});
    owner.start = json.value("start", std::uint64_t{0});
    owner.since = json.value("since", "");
    return owner;
}

/// Makes the claim of this number, whole or not at all. False: somebody else has.
bool make_claim(const fs::path& folder, const Owner& owner) {
    const nlohmann::ordered_json json{{"schema", 1},          {"host", owner.host},    {"boot", owner.boot},
                                      {"space", owner.space}, {"pid", owner.pid},      {"start", owner.start},
                                      {"since", owner.since}, {"number", owner.number}};
    const fs::path temporary = folder / fmt::format(".{}-{}-{}.partial", owner.host, owner.pid, owner.number);
    write_atomically(temporary, json.dump(2) + "\n");
    const fs::path file = claim_file(folder, owner.number);
    const bool made = ::link(temporary.c_str(), file.c_str()) == 0;
    const int code = errno;
    // A network file system may answer "exists" to the second sending of a request that had worked.
    struct stat about {};
    const bool ours = made || (::stat(temporary.c_str(), &about) == 0 && about.st_nlink == 2);
    std::error_code none;
    fs::remove(temporary, none);
    if (!ours && code != EEXIST)
        fail<StorageError>("cannot claim the sweep with {} ({})", file.string(), std::strerror(code));
    return ours;
}

std::vector<pid_t> processes_of(const std::string& mark) {
    std::vector<pid_t> found;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator("/proc", none)) {
        const std::string name = entry.path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string variables = slurp(entry.path() / "environ");
        const auto at = variables.find(mark);
        if (at == std::string::npos || (at > 0 && variables[at - 1] != '\0')) continue;
        const pid_t pid = std::atoi(name.c_str());
        if (pid != ::getpid() && !process_is_gone(pid)) found.push_back(pid);
    }
    return found;
}

}  // namespace

std::string Owner::text() const { return fmt::format("process {} on host {} since {}", pid, host, since); }

Owner this_owner() {
    char host[256] = {};
    ::gethostname(host, sizeof host - 1);
    const std::time_t now = std::time(nullptr);
    std::tm utc{};
    ::gmtime_r(&now, &utc);
    char since[32];
    std::strftime(since, sizeof since, "%Y-%m-%dT%H:%M:%SZ", &utc);
    std::string boot = slurp("/proc/sys/kernel/random/boot_id");
    while (!boot.empty() && boot.back() == '\n') boot.pop_back();
    return {0, host, boot, link_text("/proc/self/ns/pid"), ::getpid(), start_of(::getpid()), since, false};
}

Life life_of(const Owner& owner) {
    const Owner here = this_owner();
    if (owner.host != here.host || owner.boot.empty()) return Life::unknown;
    if (owner.boot != here.boot) return Life::dead;
    if (owner.space != here.space) return Life::unknown;
    if (start_of(owner.pid) != owner.start || process_is_gone(static_cast<int>(owner.pid))) return Life::dead;
    return Life::alive;
}

std::optional<Owner> last_owner(const fs::path& folder) {
    const int number = highest_number(folder);
    if (number == 0) return std::nullopt;
    return read_owner(folder, number);
}

Claim::Claim(const fs::path& folder, Force force) : folder_(folder) {
    for (;;) {
        const auto last = last_owner(folder);
        owner_ = this_owner();
        owner_.number = last ? last->number + 1 : 1;
        dead_.reset();
        if (last && !last->released) {
            const Life life = life_of(*last);
            if (life == Life::alive)
                fail<ConfigError>(
                    "the sweep is being managed by {}; stop that one first, or ask it with 'vtvc sweep "
                    "status' ({})",
                    last->text(), folder.string());
            if (life == Life::unknown && force == Force::no)
                fail<ConfigError>(
                    "the sweep was claimed by {}, and whether that one lives cannot be known from here; "
                    "if you are sure that it does not: --take-over ({})",
                    last->text(), folder.string());
            dead_ = last;
        }
        if (make_claim(folder, owner_)) return;
    }
}

Claim::~Claim() { std::ofstream(release_file(folder_, owner_.number)) << "released\n"; }

bool Claim::lost() const { return highest_number(folder_) != owner_.number; }

int end_orphans(const fs::path& folder) {
    const std::string mark = "VTVC_SWEEP=" + folder.string() + std::string(1, '\0');
    std::vector<pid_t> seen;
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        const auto left = processes_of(mark);
        if (left.empty()) return static_cast<int>(seen.size());
        for (const pid_t pid : left) {
            if (std::find(seen.begin(), seen.end(), pid) == seen.end()) seen.push_back(pid);
            ::kill(pid, SIGKILL);
        }
        if (std::chrono::steady_clock::now() > deadline)
            fail<TimeoutError>(
                "{} processes of the manager before cannot be ended (they may still write; the first "
                "is {}); end them, then resume",
                left.size(), left.front());
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
}

}  // namespace vtvc::sweep
