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

void legend(Svg& svg, double x, double y, const std::vector<Series>& series, double right) {
    std::set<std::string> named;
    const double start = x;
    for (const Series& s : series) {
        if (s.name.empty() || !named.insert(s.name).second) continue;
        const double length = 24 + .92 * text_width(s.name);
        if (x > start && x + length > right) {
            x = start;
            y += 14;
        }
        svg.path({{x, y - 4}, {x + 16, y - 4}}, s.stroke, 2, s.dash);
        svg.text(x + 20, y, s.name, {Anchor::start, "s"});
        x += length + 8;
    }
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
    if (x.low == x.high) x.widen();
    Svg svg(spec.width, spec.height, spec.title);
    const Frame frame{{x.low, x.high, 42, spec.width - 10},
                      {y.low, y.high, spec.height - 42, 58},
                      spec.x_title,
                      "",
                      false,
                      spec.percent_y,
                      4,
                      4};
    svg.text(0, 13, spec.title, {Anchor::start, "h"});
    svg.text(0, 28, spec.y_title, {Anchor::start, "s m"});
    legend(svg, 0, 44, spec.series, spec.width);
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
    const double width = 400, height = 280;
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
    for (const GatePoint& p : points)
        svg.circle({frame.x(p.uncertainty), frame.y(std::abs(p.mean))}, 2.4, p.kept ? colour(0) : colour(1),
                   .55);
    if (tau0 > 0)
        svg.path({{frame.x(0), frame.y(tau0)}, {frame.x(1), frame.y(tau0 * (1 + beta))}}, "var(--fg)", 1.6,
                 "5 3");
    svg.circle({width + 18, 60}, 3.4, colour(0));
    svg.text(width + 28, 64, "kept", {Anchor::start, "s"});
    svg.circle({width + 18, 80}, 3.4, colour(1));
    svg.text(width + 28, 84, "set to zero", {Anchor::start, "s"});
    if (tau0 > 0) {
        svg.path({{width + 10, 100}, {width + 26, 100}}, "var(--fg)", 1.6, "5 3");
        svg.text(width + 30, 104, "t(u) = τ0 (1 + βu)", {Anchor::start, "s"});
    }
    return svg.str();
}

}  // namespace vtvc::report
