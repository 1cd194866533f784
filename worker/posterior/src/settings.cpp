#include "settings.hpp"

#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {
void check_sizes(const PosteriorSettings& s) {
    const auto j = static_cast<std::size_t>(s.partition.count());
    if (s.features < 1 || s.vectors < 1 || j < 1) {
        fail<ConfigError>(
            "a posterior of {} features, {} task vectors and {} coefficients a vector (each must be at "
            "least 1); is the bank or the features file empty, or is every vector excluded?",
            s.features, s.vectors, j);
    }
    if (s.partition.layer.size() != j || s.partition.layers < 1) {
        fail<ConfigError>(
            "the partition gives layers for {} of its {} coefficients (spikes per layer need each); "
            "make it with partition_blocks",
            s.partition.layer.size(), j);
    }
    if (s.posterior.form == Form::hierarchical && s.datasets < 1) {
        fail<ConfigError>(
            "posterior.form 'hierarchical' needs to be told the data set of each sample (its mean is "
            "c[task] + a residual), which this protocol does not tell; use form = \"plain\"");
    }
    for (const std::int64_t width : s.posterior.hidden) {
        if (width < 1) fail<ConfigError>("posterior.hidden has a layer of {} units; give 1 to 1024", width);
    }
}

void check_numbers(const PosteriorSettings& s) {
    const auto require = [](bool holds, const char* key, double value, const char* range) {
        if (!holds) fail<ConfigError>("{} is {}; it must be {}", key, value, range);
    };
    require(s.prior.inclusion > 0 && s.prior.inclusion < 1, "prior.inclusion", s.prior.inclusion,
            "in (0, 1)");
    require(s.prior.sd > 0, "prior.sd", s.prior.sd, "above 0");
    require(s.relaxation.temperature > 0, "relaxation.temperature", s.relaxation.temperature, "above 0");
    require(s.posterior.dropout >= 0 && s.posterior.dropout < 1, "posterior.dropout", s.posterior.dropout,
            "in [0, 1)");
    require(s.gate.threshold >= 0, "gate.threshold", s.gate.threshold, "0 or more");
    require(s.gate.sharpness > 0, "gate.sharpness", s.gate.sharpness, "above 0");
    require(s.posterior.rank >= 0, "posterior.rank", static_cast<double>(s.posterior.rank), "0 or more");
}
}  // namespace

void check(const PosteriorSettings& s) {
    check_sizes(s);
    check_numbers(s);
    if (s.gate.on == Gate::group && s.gate.measure == GateMeasure::sample) {
        fail<ConfigError>(
            "gate.on 'group' with gate.measure 'sample' (the root mean square of a draw has no closed "
            "form to evaluate with); use measure = \"mean\" or on = \"coefficient\"");
    }
}

std::int64_t spikes(const PosteriorSettings& s) {
    switch (s.posterior.spike) {
        case Spike::group:
            return 1;
        case Spike::layer:
            return s.partition.layers;
        case Spike::coefficient:
            break;
    }
    return s.partition.count();
}

}  // namespace vtvc
