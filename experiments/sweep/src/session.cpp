#include "vtvc/sweep/session.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/hash.hpp"

namespace vtvc::sweep {
namespace fs = std::filesystem;

namespace {

constexpr std::size_t named = 3;  ///< runs that an error message shows

std::string some_of(const std::vector<std::string>& names) {
    std::string text;
    for (std::size_t i = 0; i < std::min(named, names.size()); ++i) text += (i == 0 ? ": " : ", ") + names[i];
    return names.size() > named ? text + ", …" : text;
}

}  // namespace

Difference difference(const Plan& before, const Plan& now) {
    Difference difference;
    for (std::size_t i = 0; i < now.size(); ++i) {
        if (now.same_as(i) != i) continue;
        if (before.find(now.key(i)) < before.size()) {
            ++difference.kept;
        } else {
            difference.added.push_back(now.name(i));
        }
    }
    for (std::size_t i = 0; i < before.size(); ++i)
        if (before.same_as(i) == i && now.find(before.key(i)) == now.size())
            difference.dropped.push_back(before.name(i));
    return difference;
}

Session::Session(const Plan& plan, SweepFolder folder, const std::string& text, Changed changed,
                 Claim::Force force)
    : folder_(std::move(folder)) {
    std::error_code error;
    for (const char* inside : {"logs", "jobs", "requests"})
        fs::create_directories(folder_.path / inside, error);
    if (error)
        fail<StorageError>("cannot make the sweep's folder {} ({})", folder_.path.string(), error.message());
    folder_.path = fs::canonical(folder_.path);
    claim_ = std::make_unique<Claim>(folder_.path, force);
    // Also where the one before has let go: what it had to kill may not have gone yet.
    if (claim_->owner().number > 1) orphans_ = end_orphans(folder_.path);
    journal_ = std::make_unique<Journal>(folder_.journal());
    const std::string fingerprint = hash_text(plan.frozen());
    const SweepState state = replay(journal_->before().records);
    const bool begun = folder_.exists() && !journal_->before().records.empty();
    if (begun && state.fingerprint != fingerprint && !state.fingerprint.empty() &&
        changed == Changed::refuse) {
        const Difference what = difference(Plan::load(folder_.frozen().string()), plan);
        fail<ConfigError>(
            "the sweep '{}' was begun with another file: {} runs stay, {} are new{}, {} are gone{}; "
            "'vtvc sweep extend' takes the new file, or give the sweep another name ({})",
            plan.file().name, what.kept, what.added.size(), some_of(what.added), what.dropped.size(),
            some_of(what.dropped), folder_.path.string());
    }
    if (!begun || state.fingerprint != fingerprint) {
        if (!text.empty()) write_atomically(folder_.file("sweep.toml"), text);
        write_atomically(folder_.frozen(), plan.frozen());
        Record open;
        open.kind = RecordKind::open;
        open.text = fingerprint;
        journal_->write(open);
    }
    Record manager;
    manager.kind = RecordKind::manager;
    manager.pid = ::getpid();
    manager.text = claim_->owner().host;
    journal_->write(manager);
    journal_->sync();
}

}  // namespace vtvc::sweep
