// How training went.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "charts.hpp"
#include "html.hpp"
#include "sections.hpp"

namespace fs = std::filesystem;

namespace vtvc::report {
namespace {

// Training runs that belong together: seeds of one method under one protocol (and target).
struct Group {
    std::string protocol, method;
    std::vector<const TrainingLog*> logs;
};

std::string run_of(const std::string& method_file) {
    std::error_code error;
    const fs::path folder = fs::weakly_canonical(fs::path(method_file).parent_path(), error);
    return error ? "" : folder.filename().string();
}

// Which row a training run became, from the evaluations that used its method file.
std::map<std::string, std::pair<std::string, std::string>> rows_of_runs(const Results& results) {
    std::map<std::string, std::pair<std::string, std::string>> out;
    for (const ProtocolResults& protocol : results.protocols)
        for (const Row* row : protocol.in_order())
            for (const std::string& file : row->method_files)
                out.emplace(run_of(file), std::pair{protocol.name, row->id});
    return out;
}

std::vector<Group> groups_of(const Material& m) {
    const auto rows = rows_of_runs(m.results);
    std::vector<Group> out;
    for (const Run& run : m.scan.runs) {
        const auto* job = dynamic_cast<const PosteriorJob*>(run.job.get());
        const auto log = m.logs.find(run.id);
        if (!job || log == m.logs.end() || !log->second.find("loss")) continue;
        const auto row = rows.find(run.id);
        const std::string protocol = row == rows.end() ? name_of(job->protocol) : row->second.first;
        const std::string method = row == rows.end() ? run.name : row->second.second;
        auto found = std::find_if(out.begin(), out.end(), [&](const Group& g) {
            return g.protocol == protocol && g.method == method;
        });
        if (found == out.end()) found = out.insert(out.end(), {protocol, method, {}});
        found->logs.push_back(&log->second);
    }
    const auto place = [&](const Group& g) {
        std::size_t protocol = 0;  // as on the page
        while (protocol < m.results.protocols.size() && m.results.protocols[protocol].name != g.protocol)
            ++protocol;
        return std::pair{protocol, method_place(g.method)};
    };
    std::stable_sort(out.begin(), out.end(),
                     [&](const Group& a, const Group& b) { return place(a) < place(b); });
    return out;
}

// A mean over windows of a hundredth of the run: single steps are noise, and a page has room for few points.
std::vector<Point> smoothed(const std::vector<Point>& points) {
    const std::size_t window = std::max<std::size_t>(1, points.size() / 80);
    std::vector<Point> out;
    for (std::size_t first = 0; first < points.size(); first += window) {
        const std::size_t last = std::min(points.size(), first + window);
        Point sum{0, 0};
        for (std::size_t i = first; i < last; ++i) {
            sum.first += points[i].first;
            sum.second += points[i].second;
        }
        const double n = static_cast<double>(last - first);
        out.emplace_back(sum.first / n, sum.second / n);
    }
    return out;
}

struct Curve {
    std::string key, name;
    std::size_t hue;
    std::string dash = {};
};

LineChart chart(const std::string& title, const std::string& y_title, const std::vector<Curve>& curves,
                const std::vector<const TrainingLog*>& logs) {
    LineChart out{title, "step", y_title, {}};
    for (const TrainingLog* log : logs)
        for (const Curve& curve : curves)
            if (const auto* points = log->find(curve.key)) {
                const bool validation = curve.key.starts_with("validation.");
                out.series.push_back({curve.name, colour(curve.hue), validation ? *points : smoothed(*points),
                                      curve.dash, validation});
            }
    return out;
}

std::string panels(const Group& group) {
    // The two parts of the KL differ by orders of magnitude: a picture each.
    std::vector<LineChart> charts{
        chart("Loss", "nats a sample", {{"loss", "objective", 6}, {"ce", "cross-entropy", 0}}, group.logs),
        chart("KL of the spike", "nats a sample", {{"kl_spike", "spike", 1}}, group.logs),
        chart("KL of the slab", "nats a sample", {{"kl_slab", "slab", 4}}, group.logs),
        chart("Inclusion", "share of coefficients, %",
              {{"inclusion", "mean ρ", 2}, {"nonzero", "non-zero", 3, "4 2"}}, group.logs),
        chart("Accuracy", "%",
              {{"accuracy", "train", 6},
               {"validation.accuracy", "validation", 0},
               {"validation.hard_accuracy", "hard", 5, "4 2"}},
              group.logs)};
    charts[3].percent_y = charts[4].percent_y = true;
    std::string out;
    for (LineChart& spec : charts) {
        spec.width = 210;  // five beside each other
        out += line_chart(spec);
    }
    return "<div class=\"panels\">" + out + "</div>";
}

// pretrain or finetune: every run in one picture.
std::string network_panels(const Material& m, const std::string& kind) {
    LineChart loss{"Loss", "step", "nats a sample", {}},
        accuracy{"Accuracy", "step", "%; dots: validation", {}};
    loss.width = accuracy.width = 540;
    accuracy.percent_y = true;
    std::size_t hue = 0;
    for (const Run& run : m.scan.runs) {
        const auto log = m.logs.find(run.id);
        if (run.kind() != kind || log == m.logs.end()) continue;
        const std::string stroke = colour(hue++);
        const std::string dash = hue > 8 ? "4 2" : "";
        if (const auto* points = log->second.find("loss"))
            loss.series.push_back({run.name, stroke, smoothed(*points), dash});
        const auto* validation = log->second.find("validation.accuracy");
        if (const auto* points = log->second.find("accuracy"))
            accuracy.series.push_back({run.name, stroke, smoothed(*points), dash});
        if (validation) accuracy.series.push_back({run.name, stroke, *validation, dash, true});
    }
    const std::string charts = line_chart(loss) + line_chart(accuracy);
    return charts.empty() ? "" : "<div class=\"panels\">" + charts + "</div>";
}

}  // namespace

std::string training_section(const Material& m) {
    std::string out, rest;
    for (const Group& group : groups_of(m)) {
        const std::string content = fmt::format(
            "<h3>{}</h3>\n{}", escape(group.protocol + ": " + method_name(group.method)), panels(group));
        const bool main = group.method == "vtvc" || group.method == "vtvc_blind";
        (main ? out : rest) += content;
    }
    if (!out.empty())
        out = paragraph(
                  "One line a seed (and target, in transfer), averaged over windows of steps; "
                  "validation as it was measured.") +
              out;
    if (!rest.empty()) out += fold_out("Baselines, controls and ablations", rest);
    for (const auto& [kind, words] :
         {std::pair{"pretrain", "Base network"}, std::pair{"finetune", "Fine-tuning"}})
        if (const std::string content = network_panels(m, kind); !content.empty())
            out += fmt::format("<h3>{}</h3>\n{}", words, content);
    return section("training", "Training", out);
}

}  // namespace vtvc::report
