#include "vtvc/sweep/stock.hpp"

#include <ctime>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/run_folder.hpp"
#include "vtvc/storage/run_identity.hpp"

namespace vtvc::sweep {
namespace {

namespace fs = std::filesystem;

Key number_of(const std::string& id) { return std::stoull(id, nullptr, 16); }

/// Seconds since 1970 of "2026-01-31T12:00:00Z" under a key of a JSON file; −1 where there is none.
double time_in(const fs::path& file) {
    std::error_code missing;
    if (!fs::exists(file, missing)) return -1;
    const auto json = nlohmann::json::parse(read_text(file), nullptr, false);
    std::tm utc{};
    if (!json.is_object() || !json.contains("time") || !json["time"].is_string() ||
        ::strptime(json["time"].get_ref<const std::string&>().c_str(), "%Y-%m-%dT%H:%M:%SZ", &utc) == nullptr)
        return -1;
    return static_cast<double>(::timegm(&utc));
}

}  // namespace

Stock::Stock(const Plan& plan, fs::path store)
    : plan_(plan), store_(std::move(store)), ids_(plan.size()), done_(plan.size()) {}

std::unique_ptr<Job> Stock::job(std::size_t point) {
    return plan_.job(point, [&](std::size_t other, const std::string& file) {
        return (fs::absolute(folder(other)) / file).lexically_normal().string();
    });
}

std::string Stock::id(std::size_t point) {
    point = plan_.same_as(point);
    if (ids_[point] != 0) return key_text(ids_[point]);
    const auto needs = plan_.needs(point);
    for (const std::size_t other : needs)
        if (!done(other)) return "";
    ids_[point] = needs.empty() ? plan_.key(point) : number_of(identify(*job(point)).id);
    return key_text(ids_[point]);
}

bool Stock::done(std::size_t point) {
    point = plan_.same_as(point);
    if (done_[point]) return true;
    const std::string own = id(point);
    if (!own.empty() && RunFolder::is_done(store_, own)) done_[point] = true;
    return done_[point];
}

void Stock::refresh(std::size_t point) {
    point = plan_.same_as(point);
    done_[point] = false;
    if (!plan_.needs(point).empty()) ids_[point] = 0;
}

fs::path Stock::folder(std::size_t point) { return RunFolder::folder(store_, id(point)); }

std::vector<double> seconds_a_unit(const Plan& plan, Stock& stock, std::size_t most) {
    std::vector<double> rates;
    for (std::size_t stage = 0; stage < plan.file().stages.size(); ++stage) {
        const auto [first, end] = plan.points_of(stage);
        double seconds = 0, cost = 0;
        std::size_t seen = 0;
        for (std::size_t i = first; i < end && seen < most; ++i) {
            if (plan.same_as(i) != i || !stock.done(i)) continue;
            ++seen;
            const double begin = time_in(stock.folder(i) / "provenance.json");
            const double finish = time_in(stock.folder(i) / "status.json");
            if (begin < 0 || finish < begin) continue;
            seconds += finish - begin;
            cost += plan.cost(i);
        }
        rates.push_back(cost > 0 ? seconds / cost : 0);
    }
    return rates;
}

}  // namespace vtvc::sweep
