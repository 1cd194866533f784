#include "vtvc/core/random.hpp"

#include <cmath>
#include <numbers>

namespace vtvc {

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> c, std::array<std::uint32_t, 2> k) {
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53u} * c[0];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * c[2];
        c = {static_cast<std::uint32_t>(b >> 32) ^ c[1] ^ k[0], static_cast<std::uint32_t>(b),
             static_cast<std::uint32_t>(a >> 32) ^ c[3] ^ k[1], static_cast<std::uint32_t>(a)};
        k[0] += 0x9E3779B9u;
        k[1] += 0xBB67AE85u;
    }
    return c;
}

namespace {
// Seeds are often 0, 1, 2 and purposes small: mix them so that no two streams share a key by arithmetic.
std::uint64_t mix(std::uint64_t x) {
    x += 0x9E3779B97F4A7C15ull;
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ull;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBull;
    return x ^ (x >> 31);
}
}  // namespace

Stream::Stream(std::uint64_t seed, Purpose purpose, std::uint64_t sample, std::uint64_t step) {
    const std::uint64_t key = mix(mix(seed) + static_cast<std::uint32_t>(purpose));
    key_ = {static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32)};
    // Counter: [block index 24 bit | sample high 8 bit], sample low, step, constant.
    counter_ = {static_cast<std::uint32_t>((sample >> 32) & 0xFF) << 24, static_cast<std::uint32_t>(sample),
                static_cast<std::uint32_t>(step), static_cast<std::uint32_t>(step >> 32)};
}

std::uint32_t Stream::bits() {
    if (used_ == 4) {
        block_ = philox(counter_, key_);
        ++counter_[0];
        used_ = 0;
    }
    return block_[used_++];
}

double Stream::uniform() {
    const std::uint64_t high = bits();
    const std::uint64_t low = bits();
    const std::uint64_t mantissa =
        ((high << 32) | low) >> 12;  // 52 bits; the half below keeps it off 0 and 1
    return (static_cast<double>(mantissa) + 0.5) * 0x1p-52;
}

double Stream::normal() {
    if (has_spare_) {
        has_spare_ = false;
        return spare_;
    }
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    const double angle = 2.0 * std::numbers::pi * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
}

std::uint64_t Stream::below(std::uint64_t n) {
    const std::uint64_t reject = (0 - n) % n;  // 2^64 mod n values would be drawn too often
    for (;;) {
        const std::uint64_t high = bits();
        const std::uint64_t value = (high << 32) | bits();
        if (value >= reject) return value % n;
    }
}

}  // namespace vtvc
