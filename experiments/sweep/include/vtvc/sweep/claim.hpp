#pragma once
// Who manages a sweep. Claims are numbered files, made by link(), which only one of several can do on any
// file system; nothing is ever renamed or locked. The one with the highest number holds the sweep until it
// says that it has let go, or is proven dead.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace vtvc::sweep {

struct Owner {
    int number = 0;                 ///< of the claim, from 1
    std::string host, boot, space;  ///< boot id and process-id namespace: a pid means something only there
    std::int64_t pid = 0;
    std::uint64_t start = 0;  ///< of the process, in clock ticks since boot
    std::string since;        ///< UTC
    bool released = false;
    std::string text() const;  ///< "process 12 on host a since 2026-01-31T12:00:00Z"
};
enum class Life { alive, dead, unknown };
/// Proven by this host alone: another boot of it, or no such process any more.
Life life_of(const Owner& owner);
/// This process.
Owner this_owner();
/// The last claim on a sweep's folder, if there was one.
std::optional<Owner> last_owner(const std::filesystem::path& folder);

class Claim {
  public:
    enum class Force { no, from_unknown };
    /// ConfigError when another manager holds the sweep, or may still hold it (on another host); with
    /// from_unknown the latter is taken for dead.
    explicit Claim(const std::filesystem::path& folder, Force force = Force::no);
    /// Lets go.
    ~Claim();
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    const Owner& owner() const { return owner_; }
    /// The one before, if it went without letting go.
    const std::optional<Owner>& dead() const { return dead_; }
    /// Has somebody claimed the sweep after us? (They took us for dead: stop.)
    bool lost() const;

  private:
    std::filesystem::path folder_;
    Owner owner_;
    std::optional<Owner> dead_;
};

/// Ends every process of this host that a manager of this sweep has started and that outlived it; they carry
/// VTVC_SWEEP=folder in their environment. How many there were. Throws TimeoutError when one cannot be ended.
int end_orphans(const std::filesystem::path& folder);

}  // namespace vtvc::sweep
