// A job that misbehaves on request. Ranks add numbers in a loop; after some rounds rank 1 (rank 0 when
// alone), or all, do what VTVC_FAULT says. In VTVC_FAULT_FOLDER each leaves its process id in pid-R, and the
// file fault appears when it happens. Arguments are only written down there, so that it can stand in for
// vtvc-worker.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/sharding/communicator.hpp"

namespace {

using vtvc::Communicator;
using namespace std::chrono_literals;

constexpr int healthy_rounds = 20;

[[noreturn]] void hang() {
    for (;;) std::this_thread::sleep_for(1h);
}

volatile std::sig_atomic_t asked = 0;

bool somebody_was_asked_to_stop(Communicator& ranks) {
    std::array<std::int64_t, 1> any{asked};
    ranks.all_reduce(any, vtvc::Reduce::max);
    return any[0] != 0;
}

void add(Communicator& ranks) {
    std::array<double, 1000> values{};
    ranks.all_reduce(values);
}

/// Sums whose bits depend on the order, as one number: printed by two runs, it must be the same.
void print_sum_bits(Communicator& ranks) {
    std::uint64_t bits = 0;
    for (const std::size_t length : {3U, 1000U, 30'011U, 1'000'003U}) {
        std::vector<float> values(length);
        for (std::size_t i = 0; i < length; ++i)
            values[i] = 1.F / static_cast<float>(1 + i % 977 + 31 * static_cast<std::size_t>(ranks.rank()));
        ranks.all_reduce(values);
        for (const float value : values) bits = bits * 1099511628211U + std::bit_cast<std::uint32_t>(value);
    }
    if (ranks.rank() == 0) fmt::print("{:016x}\n", bits);
}

const std::map<std::string, void (*)(Communicator&)> faults{
    {"nothing", [](Communicator&) {}},
    {"throw", [](Communicator&) { throw std::runtime_error("told to throw\nwith two lines"); }},
    {"config", [](Communicator&) { throw vtvc::ConfigError("job.toml:3:1: told to refuse"); }},
    {"thread", [](Communicator&) { std::thread([] { throw std::runtime_error("thrown aside"); }).join(); }},
    {"exit3", [](Communicator&) { std::exit(3); }},
    {"exit0", [](Communicator&) { ::_exit(0); }},
    {"abort", [](Communicator&) { std::abort(); }},
    {"segv", [](Communicator&) { ::raise(SIGSEGV); }},
    {"kill", [](Communicator&) { ::raise(SIGKILL); }},
    {"stop", [](Communicator&) { ::raise(SIGSTOP); }},
    {"stuck", [](Communicator&) { hang(); }},
    {"other", [](Communicator& ranks) { ranks.barrier(); }},
};

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value ? value : "";
}

int run(Communicator& ranks, int argc, char** argv) {
    const auto what = variable("VTVC_FAULT");
    const std::filesystem::path folder = variable("VTVC_FAULT_FOLDER");
    const int faulty = std::min(1, ranks.size() - 1);
    if (ranks.rank() == 0) {
        std::ofstream words(folder / "arguments");
        for (int i = 1; i < argc; ++i) words << argv[i] << ' ';
        words << "threads " << variable("OMP_NUM_THREADS");
    }
    std::ofstream(folder / fmt::format("pid-{}", ranks.rank())) << ::getpid();
    if (what == "sum") return print_sum_bits(ranks), 0;
    for (int round = 0;; ++round) {
        if (somebody_was_asked_to_stop(ranks)) return 75;
        if (what == "all_throw" && round == healthy_rounds) throw std::runtime_error("told to throw");
        if (what == "leave" && round == healthy_rounds && ranks.rank() == faulty) return 0;
        if (what == "work" && round == 500) return 0;  // some 5 s
        if (round == healthy_rounds && ranks.rank() == faulty && faults.contains(what)) {
            std::ofstream(folder / "fault") << what;
            faults.at(what)(ranks);
        }
        add(ranks);
        std::this_thread::sleep_for(5ms);
    }
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGUSR2, [](int) { asked = 1; });
    vtvc::World world(argc, argv);
    return vtvc::run_rank(world, run, argc, argv);
}
