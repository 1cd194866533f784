#pragma once
// Content hashes: XXH3 128 bit (library xxHash), written as 32 hexadecimal digits.
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace vtvc {

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

  private:
    struct State;
    std::unique_ptr<State> state_;
};

std::string hash_text(std::string_view text);

}  // namespace vtvc
