#pragma once
// Measurements side by side: every candidate runs once in each round, so that what disturbs the machine for a
// while disturbs all of them, and only ratios of one round are taken.
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace vtvc {

/// processor: of all threads of the process; for one thread it leaves out what other programs take.
enum class Clock { processor, wall };

class Interleaved {
  public:
    explicit Interleaved(Clock clock) : clock_(clock) {}
    /// Returns the candidate's number.
    std::size_t add(std::function<void()> run);
    /// One round that does not count, then so many that do. Returns early, after a round, when asked to stop.
    void measure(std::int64_t rounds, const std::function<bool()>& stop);
    /// Median seconds.
    double seconds(std::size_t candidate) const;
    /// Median over the rounds of a's time over b's in the same round.
    double ratio(std::size_t a, std::size_t b) const;
    /// The same for a quotient of quotients, (a/b)/(c/d).
    double ratio(std::size_t a, std::size_t b, std::size_t c, std::size_t d) const;

  private:
    struct Candidate {
        std::function<void()> run;
        std::vector<double> seconds;
    };
    Clock clock_;
    std::vector<Candidate> candidates_;
};

}  // namespace vtvc
