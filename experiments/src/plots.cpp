// Plots with axes: lines, reliability, dots, intervals, the gate.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "charts.hpp"
#include "html.hpp"

namespace vtvc::report {
namespace {

struct Range {
    double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
    void add(double v) {
        if (!std::isfinite(v)) return;
        low = std::min(low, v);
        high = std::max(high, v);
    }
    bool any() const { return low <= high; }
    // A margin of 4 %, and some width where all values are equal.
    void widen() {
        const double margin = high > low ? .04 * (high - low) : std::max(.05 * std::abs(high), 1e-3);
        low -= margin;
        high += margin;
    }
};

struct Entry {
    double x, y;
    const Series* series;
};
// Where the entries of a legend go: rows from (0, top) to the width, each name once.
std::vector<Entry> legend(const std::vector<Series>& series, double top, double width) {
    std::set<std::string> named;
    std::vector<Entry> out;
    double x = 0, y = top;
    for (const Series& s : series) {
        if (s.name.empty() || !named.insert(s.name).second) continue;
        const double length = 24 + .92 * text_width(s.name);
        if (x > 0 && x + length > width) {
            x = 0;
            y += 14;
        }
        out.push_back({x, y, &s});
        x += length + 8;
    }
    return out;
}

double widest_name(const auto& rows) {
    double out = 0;
    for (const auto& row : rows) out = std::max(out, text_width(row.name));
    return out;
}

}  // namespace

std::string line_chart(const LineChart& spec) {
    Range x, y;
    for (const Series& s : spec.series)
        for (const auto& [a, b] : s.points) {
            x.add(a);
            y.add(b);
        }
    if (!x.any() || !y.any()) return "";
    if (spec.from_zero) y.low = std::min(0.0, y.low);
    const bool at_zero = spec.from_zero && y.low == 0;
    y.widen();
    if (at_zero) y.low = 0;
    if (spec.percent_y) y.high = std::min(y.high, 1.0);
    if (x.low == x.high) x.widen();
    const auto names = legend(spec.series, 44, spec.width);
    const double below_legend = names.empty() ? 44 : names.back().y + 14;
    const double height = spec.height + below_legend - 58;
    Svg svg(spec.width, height, spec.title);
    const Frame frame{{x.low, x.high, 42, spec.width - 10},
                      {y.low, y.high, height - 42, below_legend},
                      spec.x_title,
                      "",
                      false,
                      spec.percent_y,
                      spec.width < 250 ? 4 : 5,
                      5};
    svg.text(0, 13, spec.title, {Anchor::start, "h"});
    svg.text(0, 28, spec.y_title, {Anchor::start, "s m"});
    for (const Entry& e : names) {
        svg.path({{e.x, e.y - 4}, {e.x + 16, e.y - 4}}, e.series->stroke, 2, e.series->dash);
        svg.text(e.x + 20, e.y, e.series->name, {Anchor::start, "s"});
    }
    frame.draw(svg);
    for (const Series& s : spec.series) {
        std::vector<Point> points;
        for (const auto& [a, b] : s.points)
            if (std::isfinite(b)) points.emplace_back(frame.x(a), frame.y(b));
        if (points.size() > 1) svg.path(points, s.stroke, 1.6, s.dash);
        if (s.markers || points.size() == 1)
            for (const Point& p : points) svg.circle(p, 2.6, s.stroke);
    }
    return svg.str();
}

std::string reliability_chart(const std::string& title, const std::vector<Series>& curves,
                              const std::vector<std::vector<double>>& shares) {
    const double size = 250, left = 44, top = 44;
    double names = 0;
    for (const Series& s : curves) names = std::max(names, text_width(s.name));
    Svg svg(left + size + 40 + names, top + size + 44, title);
    svg.text(0, 14, title, {Anchor::start, "h"});
    const Frame frame{
        {0, 1, left, left + size}, {0, 1, top + size, top}, "confidence, %", "accuracy, %", true, true, 5, 5};
    frame.draw(svg);
    svg.path({{left, top + size}, {left + size, top}}, "var(--muted)", 1, "4 3");
    for (std::size_t i = 0; i < curves.size(); ++i) {
        std::vector<Point> points;
        for (const auto& [a, b] : curves[i].points) points.emplace_back(frame.x(a), frame.y(b));
        if (points.size() > 1) svg.path(points, curves[i].stroke, 1.6, curves[i].dash);
        for (std::size_t p = 0; p < points.size(); ++p)
            svg.circle(points[p], 1.5 + 8 * std::sqrt(shares[i][p]), curves[i].stroke, .8,
                       fmt::format("{}: {} % of images, confidence {} %, accuracy {} %", curves[i].name,
                                   percent(shares[i][p]), percent(curves[i].points[p].first),
                                   percent(curves[i].points[p].second)));
        const double y = top + 14 + 20 * static_cast<double>(i);
        svg.path({{left + size + 14, y - 4}, {left + size + 30, y - 4}}, curves[i].stroke, 2, curves[i].dash);
        svg.text(left + size + 36, y, curves[i].name, {Anchor::start, "s"});
    }
    return svg.str();
}

std::string dot_plot(const std::string& x_title, const std::vector<DotRow>& rows) {
    Range range;
    for (const DotRow& row : rows) {
        range.add(row.mean);
        for (double v : row.seeds) range.add(v);
    }
    if (!range.any()) return "";
    range.widen();
    const double left = widest_name(rows) + 14, plot = 440, step = 22, top = 8;
    const double bottom = top + step * static_cast<double>(rows.size());
    Svg svg(left + plot + 60, bottom + 42, x_title);
    const Scale x{range.low, range.high, left, left + plot};
    const auto marks = ticks(range.low, range.high, 6);
    for (double v : marks) {
        svg.line({x(v), top}, {x(v), bottom}, "grid");
        svg.text(x(v), bottom + 16, tick_label(100 * v, 100 * (marks.size() > 1 ? marks[1] - marks[0] : .1)),
                 {Anchor::middle, "s m"});
    }
    svg.line({left, bottom}, {left + plot, bottom}, "axis");
    svg.text(left + plot / 2, bottom + 34, x_title, {Anchor::middle, "s"});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double y = top + step * (static_cast<double>(i) + .5);
        svg.text(left - 10, y + 4, rows[i].name, {Anchor::end});
        svg.line({left, y}, {left + plot, y}, "grid");
        for (double v : rows[i].seeds) svg.circle({x(v), y}, 3, rows[i].fill, .35);
        svg.circle({x(rows[i].mean), y}, 4.6, rows[i].fill);
        svg.text(left + plot + 10, y + 4, percent(rows[i].mean), {Anchor::start, "s"});
    }
    return svg.str();
}

std::string interval_plot(const std::string& x_title, const std::vector<IntervalRow>& rows) {
    Range range;
    range.add(0);
    for (const IntervalRow& row : rows) {
        range.add(row.low);
        range.add(row.high);
    }
    if (rows.empty() || !range.any()) return "";
    range.widen();
    const double left = widest_name(rows) + 14, plot = 440, step = 24, top = 8;
    const double bottom = top + step * static_cast<double>(rows.size());
    Svg svg(left + plot + 14, bottom + 42, x_title);
    const Scale x{range.low, range.high, left, left + plot};
    const auto marks = ticks(range.low, range.high, 6);
    for (double v : marks) {
        svg.line({x(v), top}, {x(v), bottom}, "grid");
        svg.text(x(v), bottom + 16, tick_label(v, marks.size() > 1 ? marks[1] - marks[0] : 1),
                 {Anchor::middle, "s m"});
    }
    svg.line({left, bottom}, {left + plot, bottom}, "axis");
    svg.path({{x(0), top}, {x(0), bottom}}, "var(--fg)", 1.2);
    svg.text(left + plot / 2, bottom + 34, x_title, {Anchor::middle, "s"});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const double y = top + step * (static_cast<double>(i) + .5);
        const std::string stroke = rows[i].low > 0 ? colour(0) : rows[i].high < 0 ? colour(1) : colour(6);
        svg.text(left - 10, y + 4, rows[i].name, {Anchor::end});
        svg.path({{x(rows[i].low), y}, {x(rows[i].high), y}}, stroke, 2.4);
        svg.circle({x(rows[i].value), y}, 4.4, stroke);
    }
    return svg.str();
}

std::string gate_scatter(const std::string& title, const std::vector<GatePoint>& points, double tau0,
                         double beta) {
    Range range;
    for (const GatePoint& p : points) range.add(std::abs(p.mean));
    if (!range.any()) return "";
    range.add(1.15 * tau0 * (1 + beta));
    range.low = 0;
    const double width = 380, height = 280;
    Svg svg(width + 150, height, title);
    svg.text(0, 14, title, {Anchor::start, "h"});
    const Frame frame{{0, 1, 46, width},
                      {0, 1.04 * range.high, height - 42, 46},
                      "uncertainty u",
                      "importance |μ|",
                      false,
                      false,
                      5,
                      5};
    frame.draw(svg);
    const auto place = [&](const GatePoint& p) {
        return Point{frame.x(p.uncertainty), frame.y(std::abs(p.mean))};
    };
    const auto below = [&](const GatePoint& p) {
        return std::abs(p.mean) < tau0 * (1 + beta * p.uncertainty);
    };
    for (const GatePoint& p : points)
        if (!p.kept && below(p)) svg.circle(place(p), 2.4, colour(1), .6);
    for (const GatePoint& p : points)
        if (!p.kept && !below(p)) svg.ring(place(p), 2.6, colour(6));
    for (const GatePoint& p : points)
        if (p.kept) svg.circle(place(p), 2.6, colour(0), .7);
    if (tau0 > 0)
        svg.path({{frame.x(0), frame.y(tau0)}, {frame.x(1), frame.y(tau0 * (1 + beta))}}, "var(--fg)", 1.6,
                 "5 3");
    svg.circle({width + 18, 60}, 3.4, colour(0));
    svg.text(width + 30, 64, "kept", {Anchor::start, "s"});
    svg.ring({width + 18, 80}, 3.4, colour(6));
    svg.text(width + 30, 84, "zero by the spike", {Anchor::start, "s"});
    if (tau0 > 0) {
        svg.circle({width + 18, 100}, 3.4, colour(1));
        svg.text(width + 30, 104, "zero by the gate", {Anchor::start, "s"});
        svg.path({{width + 10, 120}, {width + 26, 120}}, "var(--fg)", 1.6, "5 3");
        svg.text(width + 30, 124, "t(u) = τ0 (1 + βu)", {Anchor::start, "s"});
    }
    return svg.str();
}

}  // namespace vtvc::report
