#include "vtvc/core/metrics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "vtvc/core/error.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class F>
std::vector<double> per_row(const Predictions& p, F value) {
    std::vector<double> out;
    out.reserve(static_cast<std::size_t>(p.rows()));
    for (std::int64_t i = 0; i < p.rows(); ++i) out.push_back(value(i));
    return out;
}

std::vector<std::size_t> order_of(std::span<const double> values) {
    std::vector<std::size_t> order(values.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return values[a] < values[b]; });
    return order;
}

// Calls group(first, last) for each run of equal values along an order.
template <class F>
void for_ties(std::span<const double> values, std::span<const std::size_t> order, F group) {
    for (std::size_t first = 0; first < order.size();) {
        std::size_t last = first + 1;
        while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
        group(first, last);
        first = last;
    }
}

// Collects rows into a bin; close() turns sums into means.
void put(ReliabilityBin& bin, double confidence, double correct) {
    ++bin.count;
    bin.confidence += confidence;
    bin.accuracy += correct;
}
std::vector<ReliabilityBin> close(std::vector<ReliabilityBin> bins) {
    for (ReliabilityBin& bin : bins) {
        if (bin.count == 0) continue;
        bin.confidence /= static_cast<double>(bin.count);
        bin.accuracy /= static_cast<double>(bin.count);
    }
    return bins;
}

void check_bins(std::int64_t bins) {
    if (bins < 1) fail<NumericError>("a reliability diagram of {} bins (one at least is needed)", bins);
}

// P(|T| ≤ t) for Student's t: the finite sums for whole degrees of freedom (Abramowitz &
// Stegun 26.7.3, 26.7.4).
double student_within(double t, std::int64_t freedom) {
    const double angle = std::atan(t / std::sqrt(static_cast<double>(freedom)));
    const double c = std::cos(angle), s = std::sin(angle);
    double sum = 0;
    if (freedom % 2 == 0) {
        double term = 1;
        for (std::int64_t k = 0; k < freedom; k += 2) {
            sum += term;
            term *= c * c * static_cast<double>(k + 1) / static_cast<double>(k + 2);
        }
        return s * sum;
    }
    double term = c;
    for (std::int64_t k = 1; k < freedom; k += 2) {
        sum += term;
        term *= c * c * static_cast<double>(k + 1) / static_cast<double>(k + 2);
    }
    return 2 / std::numbers::pi * (angle + s * sum);
}

double student_quantile(double level, std::int64_t freedom) {
    double low = 0, high = 2;
    while (student_within(high, freedom) < level) high *= 2;
    while (high - low > 1e-13 * high) {
        const double middle = (low + high) / 2;
        (student_within(middle, freedom) < level ? low : high) = middle;
        if (middle == low && middle == high) break;
    }
    return (low + high) / 2;
}

// Linear interpolation between order statistics.
double percentile(std::vector<double>& sorted, double q) {
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const std::size_t above = std::min(below + 1, sorted.size() - 1);
    return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

// Uniform in [0, n) for n far below 2^32: the bias, n/2^32, is a thousandth of the bootstrap's own error at
// most.
std::size_t index_below(Stream& stream, std::int64_t n) {
    return static_cast<std::size_t>((std::uint64_t{stream.bits()} * static_cast<std::uint64_t>(n)) >> 32);
}

void check_sets(std::span<const PairedDifferences> sets) {
    if (sets.empty()) fail<NumericError>("no data set to compare on (a paired test needs one at least)");
    for (const PairedDifferences& set : sets) {
        if (set.seeds < 1 || set.images < 1 ||
            set.values.size() != static_cast<std::size_t>(set.seeds * set.images))
            fail<NumericError>("{} paired differences for {} seeds of {} images (their product is needed)",
                               set.values.size(), set.seeds, set.images);
        if (set.seeds != sets.front().seeds)
            fail<NumericError>(
                "data sets with {} and {} seeds (they are resampled together); compare common seeds",
                sets.front().seeds, set.seeds);
    }
}

// Resampling draws random subsets of the rows, hence the purpose.
Stream resampling(std::uint64_t seed, std::int64_t round, std::size_t set) {
    return Stream(seed, Purpose::subset, static_cast<std::uint64_t>(round), set + 1);
}

}  // namespace

Predictions::Predictions(std::span<const float> probabilities, std::span<const std::int32_t> labels,
                         std::int64_t classes)
    : probabilities_(probabilities), labels_(labels), classes_(classes) {
    if (classes < 1 || labels.empty() ||
        probabilities.size() != labels.size() * static_cast<std::size_t>(classes))
        fail<NumericError>("{} probabilities for {} labels and {} classes (rows × classes are needed)",
                           probabilities.size(), labels.size(), classes);
    for (std::int64_t i = 0; i < rows(); ++i) {
        if (label(i) < 0 || label(i) >= classes)
            fail<NumericError>("label {} in row {} (there are {} classes, counted from 0)", label(i), i,
                               classes);
        for (float v : row(i))
            if (!(v >= 0 && v <= 1.0f + 1e-5f))
                fail<NumericError>("probability {} in row {} (it must lie in [0, 1])", v, i);
    }
}

std::span<const float> Predictions::row(std::int64_t row) const {
    return probabilities_.subspan(static_cast<std::size_t>(row * classes_),
                                  static_cast<std::size_t>(classes_));
}

std::int32_t Predictions::predicted(std::int64_t i) const {
    const auto values = row(i);
    return static_cast<std::int32_t>(std::max_element(values.begin(), values.end()) - values.begin());
}

std::vector<double> correctness(const Predictions& p) {
    return per_row(p, [&](std::int64_t i) { return p.predicted(i) == p.label(i) ? 1.0 : 0.0; });
}

std::vector<double> log_losses(const Predictions& p) {
    return per_row(p, [&](std::int64_t i) {
        return -std::log(std::max(1e-12, double{p.row(i)[static_cast<std::size_t>(p.label(i))]}));
    });
}

std::vector<double> confidences(const Predictions& p) {
    return per_row(
        p, [&](std::int64_t i) { return double{p.row(i)[static_cast<std::size_t>(p.predicted(i))]}; });
}

std::vector<double> entropies(const Predictions& p) {
    return per_row(p, [&](std::int64_t i) {
        double sum = 0;
        for (double v : p.row(i)) sum -= v > 0 ? v * std::log(v) : 0;
        return sum;
    });
}

double brier(const Predictions& p) {
    return mean(per_row(p, [&](std::int64_t i) {
        double sum = 0;
        for (std::int64_t c = 0; c < p.classes(); ++c) {
            const double miss = p.row(i)[static_cast<std::size_t>(c)] - (c == p.label(i) ? 1.0 : 0.0);
            sum += miss * miss;
        }
        return sum;
    }));
}

std::vector<ReliabilityBin> reliability(const Predictions& p, std::int64_t bins) {
    check_bins(bins);
    const auto confidence = confidences(p), correct = correctness(p);
    std::vector<ReliabilityBin> out(static_cast<std::size_t>(bins));
    for (std::size_t i = 0; i < confidence.size(); ++i) {
        const double place = std::ceil(confidence[i] * static_cast<double>(bins)) - 1;
        put(out[static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(bins - 1)))],
            confidence[i], correct[i]);
    }
    return close(std::move(out));
}

std::vector<ReliabilityBin> adaptive_reliability(const Predictions& p, std::int64_t bins) {
    check_bins(bins);
    const auto confidence = confidences(p), correct = correctness(p);
    const auto order = order_of(confidence);
    std::vector<ReliabilityBin> out(static_cast<std::size_t>(bins));
    for (std::size_t b = 0; b < out.size(); ++b)
        for (std::size_t i = b * order.size() / out.size(); i < (b + 1) * order.size() / out.size(); ++i)
            put(out[b], confidence[order[i]], correct[order[i]]);
    return close(std::move(out));
}

double calibration_error(std::span<const ReliabilityBin> bins) {
    double sum = 0, rows = 0;
    for (const ReliabilityBin& bin : bins) {
        sum += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.confidence);
        rows += static_cast<double>(bin.count);
    }
    return rows > 0 ? sum / rows : 0;
}

double auroc(std::span<const double> scores, std::span<const char> positive) {
    if (scores.size() != positive.size())
        fail<NumericError>("{} scores for {} flags (one a row is needed)", scores.size(), positive.size());
    const auto order = order_of(scores);
    double rank_sum = 0, positives = 0;
    for_ties(scores, order, [&](std::size_t first, std::size_t last) {
        const double rank = static_cast<double>(first + last + 1) / 2;  // counted from 1, shared by ties
        for (std::size_t i = first; i < last; ++i) {
            if (!positive[order[i]]) continue;
            rank_sum += rank;
            ++positives;
        }
    });
    const double negatives = static_cast<double>(scores.size()) - positives;
    if (positives == 0 || negatives == 0) return nan;
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

double mean_of_highest(std::span<const double> scores, std::span<const double> values, double fraction) {
    if (scores.size() != values.size() || scores.empty() || !(fraction > 0 && fraction <= 1))
        fail<NumericError>("{} scores for {} values and the fraction {} (equal sizes, (0, 1] are needed)",
                           scores.size(), values.size(), fraction);
    const double wanted = std::ceil(fraction * static_cast<double>(scores.size()) - 1e-9);
    std::vector<double> reversed(scores.size());
    std::transform(scores.begin(), scores.end(), reversed.begin(), [](double s) { return -s; });
    const auto order = order_of(reversed);
    double taken = 0, sum = 0;
    for_ties(reversed, order, [&](std::size_t first, std::size_t last) {
        const double places = std::min(static_cast<double>(last - first), wanted - taken);
        if (places <= 0) return;
        double group = 0;
        for (std::size_t i = first; i < last; ++i) group += values[order[i]];
        sum += group * places / static_cast<double>(last - first);
        taken += places;
    });
    return sum / taken;
}

double mean(std::span<const double> values) {
    if (values.empty()) return nan;
    return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double standard_deviation(std::span<const double> values) {
    if (values.size() < 2) return nan;
    const double centre = mean(values);
    double sum = 0;
    for (double v : values) sum += (v - centre) * (v - centre);
    return std::sqrt(sum / static_cast<double>(values.size() - 1));
}

Interval t_interval(std::span<const double> values, double level) {
    if (values.size() < 2) return {nan, nan};
    const double centre = mean(values);
    const double half = student_quantile(level, static_cast<std::int64_t>(values.size()) - 1) *
                        standard_deviation(values) / std::sqrt(static_cast<double>(values.size()));
    return {centre - half, centre + half};
}

BootstrapResult paired_bootstrap(std::span<const PairedDifferences> sets, std::uint64_t seed,
                                 std::int64_t replicates, double level) {
    check_sets(sets);
    if (replicates < 1)
        fail<NumericError>("a bootstrap of {} replicates (one at least is needed)", replicates);
    BootstrapResult out;
    for (const PairedDifferences& set : sets) out.difference += mean(set.values);
    out.difference /= static_cast<double>(sets.size());

    std::vector<double> means;
    means.reserve(static_cast<std::size_t>(replicates));
    std::vector<double> image_sums;  // of one data set, over the drawn seeds
    for (std::int64_t r = 0; r < replicates; ++r) {
        const std::int64_t seeds = sets.front().seeds;
        Stream seed_stream(seed, Purpose::subset, static_cast<std::uint64_t>(r), 0);
        std::vector<std::size_t> drawn(static_cast<std::size_t>(seeds));
        for (std::size_t& s : drawn) s = index_below(seed_stream, seeds);
        double total = 0;
        for (std::size_t d = 0; d < sets.size(); ++d) {
            const auto images = static_cast<std::size_t>(sets[d].images);
            image_sums.assign(images, 0);
            for (std::size_t s : drawn)
                for (std::size_t i = 0; i < images; ++i) image_sums[i] += sets[d].values[s * images + i];
            Stream stream = resampling(seed, r, d);
            double sum = 0;
            for (std::size_t i = 0; i < images; ++i) sum += image_sums[index_below(stream, sets[d].images)];
            total += sum / static_cast<double>(sets[d].images * seeds);
        }
        means.push_back(total / static_cast<double>(sets.size()));
    }
    std::sort(means.begin(), means.end());
    out.interval = {percentile(means, (1 - level) / 2), percentile(means, (1 + level) / 2)};
    return out;
}

double permutation_test(std::span<const PairedDifferences> sets, std::uint64_t seed, std::int64_t rounds) {
    check_sets(sets);
    // Every image's contribution to the mean over data sets; images without a difference change nothing.
    std::vector<std::vector<double>> shares(sets.size());
    double observed = 0, scale = 0;
    for (std::size_t d = 0; d < sets.size(); ++d) {
        const auto images = static_cast<std::size_t>(sets[d].images);
        const double weight =
            1 / (static_cast<double>(sets[d].values.size()) * static_cast<double>(sets.size()));
        for (std::size_t i = 0; i < images; ++i) {
            double sum = 0;
            for (std::int64_t s = 0; s < sets[d].seeds; ++s)
                sum += sets[d].values[static_cast<std::size_t>(s) * images + i];
            if (sum == 0) continue;
            shares[d].push_back(sum * weight);
            observed += sum * weight;
            scale += std::abs(sum * weight);
        }
    }
    const double reached =
        std::abs(observed) - 1e-12 * scale;  // sums of the same terms in another order are equal
    std::int64_t as_far = 0;
    for (std::int64_t r = 0; r < rounds; ++r) {
        double total = 0;
        for (std::size_t d = 0; d < sets.size(); ++d) {
            Stream stream = resampling(seed, r, d);
            std::uint32_t word = 0;
            for (std::size_t i = 0; i < shares[d].size(); ++i, word >>= 1) {
                if (i % 32 == 0) word = stream.bits();
                total += (word & 1u) ? shares[d][i] : -shares[d][i];
            }
        }
        if (std::abs(total) >= reached) ++as_far;
    }
    return static_cast<double>(1 + as_far) / static_cast<double>(1 + rounds);
}

std::vector<double> holm(std::span<const double> p) {
    const auto order = order_of(p);
    std::vector<double> out(p.size());
    double highest = 0;
    for (std::size_t i = 0; i < order.size(); ++i) {
        highest = std::max(highest, static_cast<double>(p.size() - i) * p[order[i]]);
        out[order[i]] = std::min(1.0, highest);
    }
    return out;
}

SignedRanks wilcoxon(std::span<const double> differences) {
    std::vector<double> sizes, signs;
    for (double d : differences) {
        if (d == 0) continue;
        sizes.push_back(std::abs(d));
        signs.push_back(d > 0 ? 1 : 0);
    }
    SignedRanks out;
    const std::size_t n = sizes.size();
    out.used = static_cast<std::int64_t>(n);
    if (n == 0) return out;

    std::vector<std::size_t> doubled;  // twice the ranks: whole numbers also where ties share them
    double tie_term = 0;
    const auto order = order_of(sizes);
    for_ties(sizes, order, [&](std::size_t first, std::size_t last) {
        const double ties = static_cast<double>(last - first);
        tie_term += ties * (ties * ties - 1);
        for (std::size_t i = first; i < last; ++i) {
            doubled.push_back(first + last + 1);
            out.statistic += signs[order[i]] * static_cast<double>(first + last + 1) / 2;
        }
    });
    const double count = static_cast<double>(n), all = count * (count + 1) / 2;
    if (n > 30) {
        const double variance = count * (count + 1) * (2 * count + 1) / 24 - tie_term / 48;
        const double distance = std::max(0.0, std::abs(out.statistic - all / 2) - .5);
        out.p = std::erfc(distance / std::sqrt(2 * variance));
        return out;
    }
    // ways[s]: sign patterns whose positive doubled ranks sum to s; 2^30 is exact in double.
    std::vector<double> ways(n * (n + 1) + 1, 0);
    ways[0] = 1;
    for (std::size_t rank : doubled)
        for (std::size_t s = ways.size(); s-- > rank;) ways[s] += ways[s - rank];
    const auto found = static_cast<std::size_t>(std::lround(2 * out.statistic));
    double below = 0, above = 0;
    for (std::size_t s = 0; s < ways.size(); ++s) {
        if (s <= found) below += ways[s];
        if (s >= found) above += ways[s];
    }
    out.p = std::min(1.0, 2 * std::min(below, above) / std::exp2(count));
    return out;
}

}  // namespace vtvc
