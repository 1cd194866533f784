#include "interleaved.hpp"

#include <algorithm>
#include <ctime>

namespace vtvc {
namespace {

double now(Clock clock) {
    timespec t{};
    clock_gettime(clock == Clock::wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const std::size_t n = values.size();
    return n == 0 ? 0 : (values[(n - 1) / 2] + values[n / 2]) / 2;
}

}  // namespace

std::size_t Interleaved::add(std::function<void()> run) {
    candidates_.push_back({std::move(run), {}});
    return candidates_.size() - 1;
}

void Interleaved::measure(std::int64_t rounds, const std::function<bool()>& stop) {
    for (std::int64_t round = 0; round <= rounds && !stop(); ++round)
        for (Candidate& c : candidates_) {
            const double begin = now(clock_);
            c.run();
            if (round > 0) c.seconds.push_back(now(clock_) - begin);
        }
}

double Interleaved::seconds(std::size_t candidate) const { return median(candidates_[candidate].seconds); }

double Interleaved::ratio(std::size_t a, std::size_t b) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < candidates_[a].seconds.size(); ++i)
        ratios.push_back(candidates_[a].seconds[i] / candidates_[b].seconds[i]);
    return median(std::move(ratios));
}

double Interleaved::ratio(std::size_t a, std::size_t b, std::size_t c, std::size_t d) const {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < candidates_[a].seconds.size(); ++i)
        ratios.push_back(candidates_[a].seconds[i] / candidates_[b].seconds[i] /
                         (candidates_[c].seconds[i] / candidates_[d].seconds[i]));
    return median(std::move(ratios));
}

}  // namespace vtvc
