#pragma once
// The journal of a sweep: one line a record, appended by its manager alone, each with a checksum over its own
// bytes. What was written can be read whatever happened to the rest of the file; a sweep's state is what its
// records say, one after the other (state.hpp).
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/sweep/plan.hpp"

namespace vtvc::sweep {

/// orchestration of runs: what each can be in.
enum class State {
    planned,  ///< nobody has tried it, or somebody asked for another try
    queued,   ///< tried, to be tried again
    running,
    checkpointed,  ///< stopped with a checkpoint; goes on when it is started again
    done,
    failed,
    failed_no_progress,  ///< stopped again and again at the same step
    pruned,
    cancelled,
    lost,  ///< nobody knows: its folder cannot be read
};
std::string_view state_name(State state);

enum class RecordKind {
    open,     ///< the sweep begins, or goes on with a changed file: text is the plan's fingerprint
    manager,  ///< a manager takes over: pid, text: host
    start,    ///< run, attempt, pid
    end,      ///< run, attempt, state, code, cause, text, id, step, seconds, metric
    found,    ///< run, id: somebody else has done it
    cancel,   ///< run
    retry,    ///< run: counts from zero again
};

struct Record {
    RecordKind kind = RecordKind::open;
    std::uint64_t number = 0;  ///< from 0, without gaps
    double time = 0;           ///< seconds since 1970; for people
    Key run = 0;
    int attempt = 0;
    std::int64_t pid = 0;
    State state = State::planned;
    int code = 0;
    std::string cause;  ///< a word of retry.hpp
    std::string text;
    std::string id;
    std::int64_t step = -1;
    double seconds = 0;
    double metric = std::numeric_limits<double>::quiet_NaN();
};

/// The line of a record, with its checksum and the end of the line.
std::string journal_line(const Record& record);

/// Bytes of a journal that are no records.
struct Dropped {
    std::uint64_t offset = 0, bytes = 0;
};
struct JournalContents {
    std::vector<Record> records;
    std::vector<Dropped> dropped;
    std::vector<std::string> notes;  ///< what was dropped and which numbers are missing, in words
};
/// Never fails on what is in the text.
JournalContents parse_journal(std::string_view text);

class Journal {
  public:
    /// Opens (or makes) the file and reads what is there. StorageError: it cannot be opened or read.
    explicit Journal(const std::filesystem::path& path);
    ~Journal();
    Journal(const Journal&) = delete;
    Journal& operator=(const Journal&) = delete;

    const JournalContents& before() const { return before_; }
    /// Numbers, stamps and appends it. StorageError: it is not (wholly) in the file.
    void write(Record record);
    /// What was written so far reaches the disk.
    void sync();
    /// Is there something that has not?
    bool dirty() const { return dirty_; }

  private:
    std::filesystem::path path_;
    int file_ = -1;
    JournalContents before_;
    std::uint64_t next_ = 0;
    bool torn_ = false;  ///< the file does not end with the end of a line
    bool dirty_ = false;
};

}  // namespace vtvc::sweep
