#pragma once
// Counter-based random numbers: a value is a pure function of (seed, purpose, sample, step, index), so a
// result depends neither on batch size nor rank count nor on what ran before (method.md 7.6).
// The generator is Philox4x32-10 (Salmon, Moraes, Dror, Shaw, SC11), checked against its known answers.
#include <array>
#include <cstdint>

namespace vtvc {

/// What a stream of random numbers is for. The numbers are part of the results: never renumber.
enum class Purpose : std::uint32_t {
    initialise = 1,
    order = 2,
    augment = 3,
    slab_noise = 4,
    spike_noise = 5,
    render = 6,
    split = 7,
    subset = 8,
    subdomain = 9,
    sweep_seed = 10,
    retry_jitter = 11,
};

/// One Philox4x32-10 block.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// A stream of numbers for one (seed, purpose, sample, step). Cheap to make; holds no shared state.
/// sample uses 40 bits, step 32: both far beyond any run.
class Stream {
  public:
    Stream(std::uint64_t seed, Purpose purpose, std::uint64_t sample = 0, std::uint64_t step = 0);
    std::uint32_t bits();
    /// Uniform in (0, 1), never 0 or 1, so that its logarithms are finite.
    double uniform();
    double uniform(double low, double high) { return low + (high - low) * uniform(); }
    /// Standard normal (Box-Muller).
    double normal();
    /// Uniform integer in [0, n), n > 0, without modulo bias.
    std::uint64_t below(std::uint64_t n);

  private:
    std::array<std::uint32_t, 2> key_;
    std::array<std::uint32_t, 4> counter_;
    std::array<std::uint32_t, 4> block_{};
    unsigned used_ = 4;
    double spare_ = 0;
    bool has_spare_ = false;
};

}  // namespace vtvc
