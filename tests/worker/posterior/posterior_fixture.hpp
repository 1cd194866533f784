#pragma once
// Small settings and made-up network answers shared by the tests of this room.
#include <torch/torch.h>

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "vtvc/core/random.hpp"
#include "vtvc/posterior/posterior.hpp"

namespace vtvc::test {

/// count coefficients in three layers of about equal size.
inline PartitionMap small_partition(std::int64_t count) {
    PartitionMap partition;
    partition.layers = 3;
    for (std::int64_t j = 0; j < count; ++j) {
        partition.index.push_back(j);
        partition.names.push_back("block" + std::to_string(j));
        partition.layer.push_back(j * 3 / count);
    }
    return partition;
}

/// D 6, K 3, J 7: odd numbers, so that vectorised loops have remainders.
inline PosteriorSettings small_settings() {
    PosteriorSettings settings;
    settings.posterior.hidden = {9};
    settings.features = 6;
    settings.vectors = 3;
    settings.partition = small_partition(7);
    settings.anneal_steps = 10;
    settings.seed = 5;
    return settings;
}

inline std::vector<std::int64_t> iota(std::int64_t count, std::int64_t first = 0) {
    std::vector<std::int64_t> ids(static_cast<std::size_t>(count));
    std::iota(ids.begin(), ids.end(), first);
    return ids;
}

/// Standard normal numbers from a Philox stream.
inline at::Tensor normals(at::IntArrayRef shape, std::uint64_t stream_id, at::ScalarType type = at::kDouble) {
    at::Tensor values = at::empty(shape, at::kDouble);
    Stream stream(99, Purpose::subset, stream_id);
    for (std::int64_t i = 0; i < values.numel(); ++i) values.data_ptr<double>()[i] = stream.normal();
    return values.to(type);
}

/// Away from the start, where zero last layers hide the hidden ones.
inline void disturb(Posterior& posterior, double size) {
    std::uint64_t stream_id = 20;
    for (at::Tensor& p : posterior->parameters()) {
        p.set_data(p.data() + normals(p.sizes(), stream_id++, p.scalar_type()) * size);
    }
}

inline std::int64_t spike_count(const PosteriorSettings& s) {
    if (s.posterior.spike == Spike::group) return 1;
    return s.posterior.spike == Spike::layer ? s.partition.layers : s.partition.count();
}

/// Answers of every size: μ near the gate's threshold and far from it, ℓ of both signs.
inline PosteriorOutput made_up_output(const PosteriorSettings& s, std::int64_t rows,
                                      at::ScalarType type = at::kDouble) {
    PosteriorOutput out;
    out.mean = normals({rows, s.vectors, s.partition.count()}, 1, type) * .2;
    if (s.posterior.family != Family::point) {
        out.log_var = normals({rows, s.vectors, s.partition.count()}, 2, type) - 4;
    }
    if (s.posterior.family == Family::spike_slab) {
        out.logit = normals({rows, s.vectors, spike_count(s)}, 3, type) * 2;
    }
    return out;
}

inline PosteriorOutput select_rows(const PosteriorOutput& out, const at::Tensor& rows) {
    const auto pick = [&](const at::Tensor& x) { return x.defined() ? x.index_select(0, rows) : x; };
    return {pick(out.mean), pick(out.log_var), pick(out.logit), pick(out.centre)};
}

}  // namespace vtvc::test
