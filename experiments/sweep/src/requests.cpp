#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/sweep/manager.hpp"

namespace vtvc::sweep {

namespace fs = std::filesystem;

void leave_request(const SweepFolder& folder, const Request& request) {
    static std::atomic<int> count{0};
    nlohmann::json json{{"verb", request.verb == Request::Verb::cancel ? "cancel" : "retry"},
                        {"runs", nlohmann::json::array()}};
    for (const Key key : request.runs) json["runs"].push_back(key_text(key));
    write_atomically(folder.requests() / fmt::format("{}-{}.json", ::getpid(), count++), json.dump());
}

std::vector<Request> take_requests(const SweepFolder& folder, std::vector<std::string>& notes) {
    std::vector<fs::path> files;
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(folder.requests(), none))
        if (entry.path().extension() == ".json" && !entry.path().filename().string().starts_with('.'))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<Request> requests;
    for (const fs::path& file : files) {
        const auto json = nlohmann::json::parse(read_text(file), nullptr, false);
        fs::remove(file, none);
        const std::string verb =
            json.is_object() && json.contains("verb") && json["verb"].is_string() ? json["verb"] : "";
        if ((verb != "cancel" && verb != "retry") || !json.contains("runs") || !json["runs"].is_array()) {
            notes.push_back(fmt::format("{} is no request and was dropped", file.string()));
            continue;
        }
        Request request{verb == "cancel" ? Request::Verb::cancel : Request::Verb::retry, {}};
        for (const auto& run : json["runs"])
            if (run.is_string())
                request.runs.push_back(std::strtoull(run.get<std::string>().c_str(), nullptr, 16));
        requests.push_back(std::move(request));
    }
    return requests;
}

}  // namespace vtvc::sweep
