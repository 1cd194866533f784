#pragma once
// Data with a planted truth: in sub-domain s the labels are those of the network with task vector s added to
// the base, and the image's stripes (rows, columns, checks) tell s. Beside the real vectors the bank holds
// random ones of equal norm.
#include <filesystem>
#include <memory>
#include <string>

#include "vtvc/methods/method.hpp"

namespace vtvc::testing {

class Planted {
  public:
    static constexpr std::int64_t subdomains = 3, random_vectors = 3;
    /// classes: of the labels. Files go to a temporary folder that the destructor removes.
    explicit Planted(std::int64_t classes = 6, std::uint64_t seed = 1);
    ~Planted();
    Planted(const Planted&) = delete;
    Planted& operator=(const Planted&) = delete;

    /// A posterior job on these files with the settings that the tests share.
    PosteriorJob job() const;
    /// Trains it in this process; every call is a run of its own.
    TrainedBy train(const PosteriorJob& job);
    const Problem& problem() const { return *problem_; }
    /// Share of validation rows of each sub-domain whose vector is not all zero in hard evaluation. [S, K]
    at::Tensor hard_share(const TrainedMethod& method) const;
    /// Mean inclusion ρ̃ over all validation rows and vectors.
    double mean_inclusion(const TrainedMethod& method) const;
    double accuracy(const TrainedMethod& method) const;
    /// Accuracy of the base and of the truth (each sub-domain's own vector at 1), on validation.
    double base_accuracy() const;

  private:
    std::filesystem::path folder_;
    std::unique_ptr<Problem> problem_;
    int runs_ = 0;
};

}  // namespace vtvc::testing
