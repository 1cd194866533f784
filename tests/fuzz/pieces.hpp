#pragma once
// How a structured target reads its input: small pieces, one after another. Past the end there are zeros, so
// that every input describes something.
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace vtvc::fuzz {

/// A length or whole number that is small most of the time: one byte below 255, or 255 and eight bytes.
constexpr std::uint8_t kLong = 255;

class Pieces {
  public:
    Pieces(const std::uint8_t* data, std::size_t size) : left_(data, size) {}
    bool more() const { return !left_.empty(); }
    template <class T = std::uint8_t>
    T number() {
        std::remove_const_t<T> value{};
        const auto bytes = raw(sizeof value);
        std::memcpy(&value, bytes.data(), bytes.size());
        return value;
    }
    std::int64_t size() {
        const auto small = number();
        return small == kLong ? number<std::int64_t>() : small;
    }
    std::string text() {
        const auto bytes = raw(static_cast<std::size_t>(std::clamp<std::int64_t>(size(), 0, 1 << 16)));
        return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    }
    std::vector<std::int64_t> shape(std::size_t most_axes) {
        std::vector<std::int64_t> sizes(number() % (most_axes + 1));
        for (auto& extent : sizes) extent = size();
        return sizes;
    }
    /// At most so many bytes.
    std::span<const std::uint8_t> raw(std::size_t count) {
        const auto part = left_.first(std::min(count, left_.size()));
        left_ = left_.subspan(part.size());
        return part;
    }

  private:
    std::span<const std::uint8_t> left_;
};

/// The other way round: targets that write their own seeds (seeds.hpp).
class PieceWriter {
  public:
    template <class T>
    PieceWriter& number(T value) {
        bytes_.append(reinterpret_cast<const char*>(&value), sizeof value);
        return *this;
    }
    PieceWriter& size(std::int64_t value) {
        if (value >= 0 && value < kLong) return number(static_cast<std::uint8_t>(value));
        return number(kLong).number(value);
    }
    PieceWriter& raw(std::string_view bytes) {
        bytes_ += bytes;
        return *this;
    }
    PieceWriter& text(std::string_view value) {
        return size(static_cast<std::int64_t>(value.size())).raw(value);
    }
    PieceWriter& shape(const std::vector<std::int64_t>& sizes) {
        number(static_cast<std::uint8_t>(sizes.size()));
        for (const auto extent : sizes) size(extent);
        return *this;
    }
    const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

}  // namespace vtvc::fuzz
