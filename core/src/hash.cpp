#include "vtvc/core/hash.hpp"

#include <fmt/format.h>
#include <xxhash.h>
#if defined(__x86_64__)
#include <xxh_x86dispatch.h>
#endif

#include <new>

namespace vtvc {

namespace {
/// The widest instructions that the processor has; the library's plain call is compiled for the oldest.
void update(XXH3_state_t* state, const void* bytes, std::size_t count) {
#if defined(__x86_64__)
    XXH3_128bits_update_dispatch(state, bytes, count);
#else
    XXH3_128bits_update(state, bytes, count);
#endif
}
}  // namespace

struct Hasher::State {
    State() : xxh(XXH3_createState()) {
        if (!xxh) throw std::bad_alloc();
        XXH3_128bits_reset(xxh);
    }
    ~State() { XXH3_freeState(xxh); }
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    XXH3_state_t* xxh;
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(std::span<const std::byte> bytes) {
    const std::uint64_t length = bytes.size();
    update(state_->xxh, &length, sizeof length);
    update(state_->xxh, bytes.data(), bytes.size());
    return *this;
}

Hasher& Hasher::add(std::string_view text) { return add(std::as_bytes(std::span(text))); }

Digest Hasher::digest() const {
    const XXH128_hash_t digest = XXH3_128bits_digest(state_->xxh);
    return {digest.high64, digest.low64};
}

std::string Hasher::hex() const { return digest().hex(); }

Hasher& Hasher::reset() {
    XXH3_128bits_reset(state_->xxh);
    return *this;
}

std::string Digest::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

std::string hash_text(std::string_view text) { return Hasher().add(text).hex(); }

}  // namespace vtvc
