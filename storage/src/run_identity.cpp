#include "vtvc/storage/run_identity.hpp"

#include "vtvc/core/job_file.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

RunIdentity identify(const Job& job) {
    RunIdentity identity;
    identity.id =
        run_id(job, [&](const std::string& path) { return identity.inputs[path] = content_hash_of(path); });
    return identity;
}

}  // namespace vtvc
