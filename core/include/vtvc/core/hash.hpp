#pragma once
// Content hashes: XXH3 128 bit (library xxHash), written as 32 hexadecimal digits.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vtvc {

/// The 128 bits themselves; hex() writes high before low.
struct Digest {
    std::uint64_t high = 0, low = 0;
    std::string hex() const;
    friend bool operator==(const Digest&, const Digest&) = default;
};

class Hasher {
  public:
    Hasher();
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;
    /// Lengths are hashed too, so that ("ab", "c") differs from ("a", "bc").
    Hasher& add(std::span<const std::byte> bytes);
    Hasher& add(std::string_view text);
    std::string hex() const;
    Digest digest() const;
    Hasher& reset();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string hash_text(std::string_view text);

}  // namespace vtvc
