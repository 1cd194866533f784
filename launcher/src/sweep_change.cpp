// vtvc sweep cancel, retry, gc: changes to a sweep. While a manager holds it, that one is asked; else this
// process holds it for the moment.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <memory>

#include "output.hpp"
#include "sweep_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/sweep/overview.hpp"
#include "vtvc/sweep/session.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;
using sweep::Overview;
using sweep::Record;
using sweep::RecordKind;
using sweep::Request;
using sweep::State;

struct Change {
    SweepPlace place;
    std::vector<std::string> runs;
    bool all = false, failed = false, dry = false, json = false;
};

bool has_failed(State state) {
    return state == State::failed || state == State::failed_no_progress || state == State::lost;
}

/// What is asked of the manager, or written in its place.
void carry_out(const Change& change, Request::Verb verb) {
    Overview sweep(change.place.what, change.place.store_folder());
    Request request{verb, {}};
    std::vector<std::size_t> points;
    for (const std::string& text : change.runs)
        for (const std::size_t point : sweep.find(text)) points.push_back(point);
    if (change.all || change.failed)
        for (std::size_t i = 0; i < sweep.plan().size(); ++i) points.push_back(i);
    if (points.empty())
        fail<ConfigError>("which runs? name them, or say {}",
                          verb == Request::Verb::cancel ? "--all" : "--failed");
    std::sort(points.begin(), points.end());
    points.erase(std::unique(points.begin(), points.end()), points.end());
    std::erase_if(points, [&](std::size_t i) {
        const State state = sweep.state_of(i);
        if (sweep.plan().same_as(i) != i || state == State::done) return true;
        if (verb == Request::Verb::cancel) return state == State::cancelled;
        return change.failed && change.runs.empty() ? !has_failed(state)
                                                    : !has_failed(state) && state != State::cancelled;
    });
    Json names = Json::array();
    for (const std::size_t i : points) {
        request.runs.push_back(sweep.plan().key(i));
        names.push_back(sweep.plan().name(i));
    }
    if (!request.runs.empty() && sweep.manager()) {
        leave_request(sweep.folder(), request);
    } else if (!request.runs.empty()) {
        sweep::Session session(sweep.plan(), sweep.folder(), "", sweep::Session::Changed::refuse,
                               sweep::Claim::Force::no);
        for (const sweep::Key key : request.runs) {
            Record record;
            record.kind = verb == Request::Verb::cancel ? RecordKind::cancel : RecordKind::retry;
            record.run = key;
            session.journal().write(record);
        }
        session.journal().sync();
    }
    const std::string word = verb == Request::Verb::cancel ? "cancelled" : "to be tried again";
    if (change.json)
        return print_json({{"runs", names}, {"asked_manager", sweep.manager().has_value()}, {"what", word}});
    std::string text =
        fmt::format("{} runs {}{}\n", names.size(), word,
                    sweep.manager() ? fmt::format(" (asked {})", sweep.manager()->text()) : "");
    if (verb == Request::Verb::retry && !sweep.manager() && !names.empty())
        text += fmt::format("'vtvc sweep resume {}' starts them\n", sweep.plan().file().name);
    print_text(text);
}

std::uintmax_t bytes_in(const fs::path& path) {
    std::uintmax_t sum = 0;
    std::error_code none;
    if (fs::is_regular_file(fs::symlink_status(path, none))) return fs::file_size(path, none);
    for (const auto& entry : fs::recursive_directory_iterator(path, none))
        if (entry.is_regular_file(none)) sum += entry.file_size(none);
    return sum;
}

/// What finished runs do not need any more: their checkpoints but the newest record.keep_checkpoints, their
/// job files and logs in the sweep's folder.
std::vector<fs::path> garbage(Overview& sweep) {
    std::vector<fs::path> paths;
    std::error_code none;
    for (std::size_t i = 0; i < sweep.plan().size(); ++i) {
        if (sweep.plan().same_as(i) != i || !sweep.stock().done(i)) continue;
        std::vector<fs::path> checkpoints;
        for (const auto& entry : fs::directory_iterator(sweep.stock().folder(i) / "checkpoints", none))
            if (entry.path().extension() == ".h5") checkpoints.push_back(entry.path());
        std::sort(checkpoints.begin(), checkpoints.end(), [](const fs::path& a, const fs::path& b) {
            return fs::last_write_time(a) > fs::last_write_time(b);
        });
        const auto keep =
            std::min(checkpoints.size(), static_cast<std::size_t>(sweep.plan().file().keep_checkpoints));
        paths.insert(paths.end(), checkpoints.begin() + static_cast<std::ptrdiff_t>(keep), checkpoints.end());
        for (const fs::path& file :
             {sweep.folder().job(sweep.plan().key(i)), sweep.folder().log(sweep.plan().key(i))})
            if (fs::exists(file, none)) paths.push_back(file);
    }
    return paths;
}

void collect_garbage(const Change& change) {
    Overview sweep(change.place.what, change.place.store_folder());
    const auto paths = garbage(sweep);
    std::uintmax_t bytes = 0;
    Json files = Json::array();
    for (const fs::path& path : paths) {
        bytes += bytes_in(path);
        files.push_back(path.string());
        std::error_code error;
        if (!change.dry) fs::remove_all(path, error);
        if (error) fail<StorageError>("cannot remove {} ({})", path.string(), error.message());
    }
    if (change.json) return print_json({{"removed", !change.dry}, {"bytes", bytes}, {"files", files}});
    print_text(fmt::format("{} {} files of finished runs, {}\n", change.dry ? "would remove" : "removed",
                           paths.size(), size_text(bytes)));
}

CLI::App& add_verb(CLI::App& sweep, const char* name, const char* help,
                   const std::shared_ptr<Change>& change) {
    CLI::App& verb = *sweep.add_subcommand(name, help);
    add_sweep_place(verb, change->place);
    add_json_flag(verb, change->json);
    return verb;
}

}  // namespace

void add_sweep_change(CLI::App& sweep) {
    auto cancel = std::make_shared<Change>();
    CLI::App& first =
        add_verb(sweep, "cancel", "Cancel runs; those under way write a checkpoint and stop", cancel);
    first.add_option("runs", cancel->runs, "Beginnings of keys or ids, or settings");
    first.add_flag("--all", cancel->all, "Every run that is not done");
    first.callback([cancel] { carry_out(*cancel, Request::Verb::cancel); });
    auto retry = std::make_shared<Change>();
    CLI::App& second =
        add_verb(sweep, "retry", "Count the attempts of runs from zero, so that they are tried again", retry);
    second.add_option("runs", retry->runs, "Beginnings of keys or ids, or settings");
    second.add_flag("--failed", retry->failed, "Every run that has failed");
    second.callback([retry] { carry_out(*retry, Request::Verb::retry); });
    auto gc = std::make_shared<Change>();
    CLI::App& third = add_verb(sweep, "gc", "Remove what finished runs do not need: checkpoints, logs", gc);
    third.add_flag("--dry-run", gc->dry, "Only say what would be removed");
    third.callback([gc] { collect_garbage(*gc); });
}

}  // namespace vtvc
