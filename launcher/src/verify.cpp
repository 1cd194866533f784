// vtvc verify: reads a file to its last byte and says what is damaged and what is still good.
#include "vtvc/storage/verify.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <memory>
#include <thread>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/jacobian.hpp"
#include "vtvc/storage/predictions.hpp"

namespace vtvc {
namespace {

/// What a person knows a part by: "block 'w' of the base", "block 'w' of task 'greek'", else its name.
std::string in_words(const std::string& kind, const std::string& name) {
    if (kind != "bank") return "'" + name + "'";
    const auto slash = name.find('/');
    const auto group = name.substr(0, slash);
    if (group == "base") return fmt::format("block '{}' of the base", name.substr(slash + 1));
    if (group != "tasks" && group != "scales" && group != "factors") return "'" + name + "'";
    const auto second = name.find('/', slash + 1);
    return fmt::format("block '{}' of task '{}'", name.substr(second + 1),
                       name.substr(slash + 1, second - slash - 1));
}

/// The heading under which good parts are counted: a bank's base and tasks, a file's groups.
std::string heading(const std::string& kind, const std::string& name) {
    const auto slash = name.find('/');
    if (slash == std::string::npos) return "the rest";
    const auto group = name.substr(0, slash);
    if (kind != "bank" || group == "base") return group;
    return "task " + name.substr(slash + 1, name.find('/', slash + 1) - slash - 1);
}

struct Count {
    std::int64_t good = 0, all = 0;
};

std::map<std::string, Count> counts_of(const FileReport& report) {
    std::map<std::string, Count> counts;
    for (const FilePart& part : report.parts) {
        Count& count = counts[heading(report.kind, part.name)];
        ++count.all;
        if (part.problem.empty()) ++count.good;
    }
    return counts;
}

/// Whole bytes may still contradict each other: what opening such a file checks beyond them.
void open_as_its_kind(const std::string& path, const std::string& kind) {
    if (kind == "dataset") (void)Dataset::open(path);
    if (kind == "bank") (void)Bank::open(path);
    if (kind == "features") (void)Features::open(path, "", "");
    if (kind == "jacobian") (void)Jacobian::open(path);
    if (kind == "predictions") (void)read_predictions(path);
}

void print(const std::string& path, const FileReport& report, bool json) {
    if (json) {
        Json damaged = Json::array(), good = Json::object();
        for (const FilePart& part : report.parts)
            if (!part.problem.empty()) damaged.push_back({{"part", part.name}, {"problem", part.problem}});
        for (const auto& [name, count] : counts_of(report))
            good[name] = {{"good", count.good}, {"all", count.all}};
        return print_json({{"path", path},
                           {"kind", report.kind},
                           {"hash", report.hash},
                           {"whole", report.whole()},
                           {"damage", report.damage},
                           {"damaged", damaged},
                           {"parts", good}});
    }
    if (report.whole()) return print_text(fmt::format("{}: whole, {} {}\n", path, report.kind, report.hash));
    std::string text = fmt::format("{}: damaged\n", path);
    if (!report.damage.empty()) text += fmt::format("  {}\n", report.damage);
    for (const FilePart& part : report.parts)
        if (!part.problem.empty())
            text += fmt::format("  {}: {}\n", in_words(report.kind, part.name), part.problem);
    if (!report.parts.empty()) text += "still good:\n";
    for (const auto& [name, count] : counts_of(report))
        text += fmt::format("  {:<24} {} of {}\n", name, count.good, count.all);
    print_text(text);
}

}  // namespace

void add_verify(CLI::App& app) {
    struct Arguments {
        std::string file;
        int threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1U, 8U));
        bool json = false;
    };
    CLI::App& verb =
        *app.add_subcommand("verify", "Read a whole file of ours: what is damaged, what is good");
    auto arguments = std::make_shared<Arguments>();
    verb.add_option("file", arguments->file, "Any HDF5 file that vtvc wrote")->required();
    verb.add_option("--threads", arguments->threads, "That read and check at once")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    add_json_flag(verb, arguments->json);
    verb.callback([arguments] {
        const FileReport report = verify_file(arguments->file, arguments->threads);
        if (report.whole()) open_as_its_kind(arguments->file, report.kind);
        print(arguments->file, report, arguments->json);
        if (report.whole()) return;
        const auto bad = std::count_if(report.parts.begin(), report.parts.end(),
                                       [](const FilePart& part) { return !part.problem.empty(); });
        fail<StorageError>("{}: damaged ({} of {} parts{}); make or copy it again", arguments->file, bad,
                           report.parts.size(), report.damage.empty() ? "" : ", and its tables");
    });
}

}  // namespace vtvc
