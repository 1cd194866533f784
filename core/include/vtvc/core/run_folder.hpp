#pragma once
// A run is a folder named by content: STORE/runs/<16 hex>/ (design, Contracts).
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace vtvc {

/// --store, else VTVC_STORE, else ./vtvc-store.
std::filesystem::path store_folder(const std::string& option);

/// Only rank 0 holds one. Every JSON file carries the attempt as a fence.
class RunFolder {
  public:
    /// The folder of a run; makes it if absent, claims the next attempt by creating attempt-N (mkdir).
    static RunFolder claim(const std::filesystem::path& store, const std::string& id);
    /// A finished run (DONE present), without claiming anything.
    static bool is_done(const std::filesystem::path& store, const std::string& id);
    static std::filesystem::path folder(const std::filesystem::path& store, const std::string& id);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path file(const std::string& name) const { return path_ / name; }
    int attempt() const { return attempt_; }
    /// Where the run stands: what the next status says. Writes nothing, so it may be called at every step.
    void stand_at(std::int64_t step, std::int64_t steps);
    /// status.json: state is RUNNING, CHECKPOINTED, DONE or FAILED; the step of steps it stands at; message.
    void status(const std::string& state, const std::string& message = "");
    /// Writes status DONE, then the marker.
    void finish();

    /// For whoever started the ranks, once they have ended: a status that still says RUNNING becomes FAILED
    /// with this message (rank 0 was killed, or taken down before it could write). Only where the process of
    /// this host that wrote it is gone, or goes within `patience`: mpirun can end before its last rank has.
    /// Any other status stays as it is. Throws StorageError if it cannot be written.
    static void settle(const std::filesystem::path& run, const std::string& message,
                       std::chrono::milliseconds patience = std::chrono::seconds(5));

  private:
    std::filesystem::path path_;
    int attempt_ = 0;
    std::int64_t step_ = 0, steps_ = 0;
};

/// Puts a link to the run where the job's file asks for it ([job] out); empty: nowhere.
void link_run(const std::string& out, const std::filesystem::path& run);

/// provenance.json of a run: commit, versions, host, command, ranks, inputs (path → content hash), time.
std::string provenance_json(const std::string& command, int ranks,
                            const std::map<std::string, std::string>& inputs);
/// Git commit the program was built from, "+dirty" when the tree was not clean.
std::string code_version();

}  // namespace vtvc
