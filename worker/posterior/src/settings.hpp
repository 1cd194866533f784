#pragma once
// Questions about settings that several files ask.
#include "vtvc/posterior/posterior.hpp"

namespace vtvc {

/// ConfigError where the settings cannot be meant.
void check(const PosteriorSettings& settings);

/// G: spikes a vector.
std::int64_t spikes(const PosteriorSettings& settings);

inline bool gated(const PosteriorSettings& settings) { return settings.gate.on != Gate::off; }

}  // namespace vtvc
