#pragma once
// A job from its file to its finished run folder.
#include <atomic>
#include <string>
#include <vector>

#include "vtvc/sharding/communicator.hpp"

namespace vtvc {

struct JobRequest {
    std::string file;                    ///< TOML
    std::vector<std::string> overrides;  ///< key=value
    std::string store;                   ///< --store, empty: from the job, VTVC_STORE, or ./vtvc-store
};

/// All ranks together. Returns an exit code (core/exit_code.hpp): done, or checkpointed; errors are thrown.
/// A run that is done already is found by its id and not done again.
int run_job(Communicator& comm, const JobRequest& request, const std::atomic<bool>& stop_asked);

}  // namespace vtvc
