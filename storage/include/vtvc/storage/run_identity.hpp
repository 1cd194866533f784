#pragma once
// Which run a job file means. Asked by vtvc-worker before it computes and by vtvc before it starts any rank:
// a finished run is found by reading attributes, without LibTorch and without MPI.
#include <map>
#include <string>

#include "vtvc/core/jobs.hpp"

namespace vtvc {

struct RunIdentity {
    std::string id;                             ///< 16 hexadecimal digits (run_id of core/job_file.hpp)
    std::map<std::string, std::string> inputs;  ///< path of each input → content hash, for provenance
};

/// Opens every input far enough to read its content hash. StorageError: an input is missing or unreadable.
RunIdentity identify(const Job& job);

}  // namespace vtvc
