#pragma once
// What of a plan the store already has: ids of runs whose inputs exist, and which of them are done.
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "vtvc/sweep/plan.hpp"

namespace vtvc::sweep {

class Stock {
  public:
    Stock(const Plan& plan, std::filesystem::path store);

    /// The id of the run (core/run_folder.hpp), known once every run that it needs is done; empty before.
    /// Points that are the same run give the same answer.
    std::string id(std::size_t point);
    bool done(std::size_t point);
    /// Looks again at a run that was not done, after somebody ran it.
    void refresh(std::size_t point);
    /// The job as it can be run now, every input a file. Its needs must be done.
    std::unique_ptr<Job> job(std::size_t point);
    std::filesystem::path folder(std::size_t point);
    const std::filesystem::path& store() const { return store_; }

  private:
    const Plan& plan_;
    std::filesystem::path store_;
    std::vector<Key> ids_;  ///< 0: not known
    std::vector<bool> done_;
};

/// Seconds that the runs of each stage take for one unit of Plan::cost, from the finished ones in the store;
/// 0: none is finished. At most `most` runs of a stage are looked at.
std::vector<double> seconds_a_unit(const Plan& plan, Stock& stock, std::size_t most = 64);

}  // namespace vtvc::sweep
