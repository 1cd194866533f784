// vtvc doctor: what this machine lacks, and the command that brings it.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/exit_code.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/datasets/glyphs.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

struct Finding {
    std::string what;
    bool fine = false;
    std::string found;
    std::string advice;  // what to do when it is not fine
};

std::string find_program(const std::string& name) {
    const char* variable = std::getenv("PATH");
    std::string folders = variable ? variable : "";
    for (std::size_t start = 0; start <= folders.size();) {
        const std::size_t end = std::min(folders.find(':', start), folders.size());
        const fs::path candidate = fs::path(folders.substr(start, end - start)) / name;
        if (access(candidate.c_str(), X_OK) == 0) return candidate.string();
        start = end + 1;
    }
    return {};
}

Finding check_mpirun() {
    const std::string path = find_program("mpirun");
    return {"mpirun", !path.empty(), path.empty() ? "not on PATH" : path, "apt-get install openmpi-bin"};
}

Finding check_worker() {
    const fs::path beside = fs::read_symlink("/proc/self/exe").parent_path() / "vtvc-worker";
    const bool fine = access(beside.c_str(), X_OK) == 0;
    return {"vtvc-worker", fine, fine ? beside.string() : "not beside vtvc",
            "build it: cmake --build the folder that vtvc was built in, with VTVC_WORKER=ON"};
}

/// Debian's libtorch calls whatever libblas.so.3 resolves to; the reference one makes it a hundred times
/// slower.
Finding check_blas() {
    constexpr const char* place = "/usr/lib/x86_64-linux-gnu/libblas.so.3";
    std::error_code absent;
    const fs::path used = fs::canonical(place, absent);
    const bool fine = !absent && used.string().find("openblas") != std::string::npos;
    return {"BLAS", fine, absent ? "no libblas.so.3" : used.string(),
            "apt-get install libopenblas0-pthread (Debian's libtorch is a hundred times slower without; "
            "PyTorch's own "
            "build does not need it)"};
}

Finding check_fonts(GlyphSet set, std::int64_t wanted) {
    const std::int64_t faces = count_faces(set);
    return {fmt::format("fonts, {}", EnumNames<GlyphSet>::names[static_cast<std::size_t>(set)]),
            faces >= wanted, fmt::format("{} faces", faces),
            "./setup.sh installs the fonts of cmake/packages.txt"};
}

Finding check_fashion() {
    const fs::path folder = "/usr/share/datasets/fashion-mnist";
    const bool fine = fs::exists(folder / "train-images-idx3-ubyte.gz");
    return {"Fashion-MNIST", fine, fine ? folder.string() : "not installed",
            "apt-get install dataset-fashion-mnist"};
}

Finding check_disk() {
    fs::path place = fs::absolute(store_folder(""));
    while (!fs::exists(place) && place.has_relative_path()) place = place.parent_path();
    const std::uintmax_t free = fs::space(place).available;
    constexpr std::uintmax_t wanted = 5'000'000'000;
    return {"free disk", free >= wanted, fmt::format("{} at {}", size_text(free), place.string()),
            fmt::format("free {} or set VTVC_STORE to a larger disk", size_text(wanted))};
}

void examine(bool json) {
    std::vector<Finding> findings{check_mpirun(), check_worker(), check_blas(), check_fashion()};
    findings.push_back(check_fonts(GlyphSet::foundation, 150));
    for (const GlyphSet set : {GlyphSet::latin, GlyphSet::greek, GlyphSet::cyrillic, GlyphSet::digits})
        findings.push_back(check_fonts(set, 100));
    findings.push_back(check_disk());

    bool fine = true;
    std::string text;
    Json document = Json::array();
    for (const Finding& finding : findings) {
        fine = fine && finding.fine;
        text += fmt::format("{}  {:<18} {}\n", finding.fine ? "ok   " : "wrong", finding.what, finding.found);
        if (!finding.fine) text += fmt::format("       -> {}\n", finding.advice);
        document.push_back({{"what", finding.what},
                            {"fine", finding.fine},
                            {"found", finding.found},
                            {"advice", finding.fine ? "" : finding.advice}});
    }
    if (json)
        print_json(document);
    else
        print_text(text);
    if (!fine) throw Exit{exit_code::failed};
}

}  // namespace

void add_doctor(CLI::App& app) {
    CLI::App& verb = *app.add_subcommand("doctor", "Check this machine and say what it lacks");
    auto json = std::make_shared<bool>();
    add_json_flag(verb, *json);
    verb.callback([json] { examine(*json); });
}

}  // namespace vtvc
