#include "svg.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "html.hpp"

namespace vtvc::report {
namespace {

std::string points_of(const std::vector<Point>& points) {
    std::string out;
    for (const auto& [x, y] : points) {
        if (!out.empty()) out += ' ';
        out += coordinate(x) + ',' + coordinate(y);
    }
    return out;
}

std::string titled(std::string_view tag, std::string_view attributes, std::string_view title) {
    if (title.empty()) return fmt::format("<{} {}/>", tag, attributes);
    return fmt::format("<{0} {1}><title>{2}</title></{0}>", tag, attributes, escape(title));
}

}  // namespace

std::string coordinate(double value) {
    std::string text = fmt::format("{:.1f}", value);
    if (text.ends_with(".0")) text.resize(text.size() - 2);
    return text == "-0" ? "0" : text;
}

std::string colour(std::size_t index) { return fmt::format("var(--c{})", index % 8); }

Svg::Svg(double width, double height, std::string_view label)
    : out_(fmt::format(
          "<svg role=\"img\" aria-label=\"{2}\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\">",
          coordinate(width), coordinate(height), escape(label))) {}

void Svg::rect(double x, double y, double width, double height, std::string_view fill,
               std::string_view title) {
    out_ += titled("rect",
                   fmt::format("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"", coordinate(x),
                               coordinate(y), coordinate(width), coordinate(height), fill),
                   title);
}

void Svg::line(Point a, Point b, std::string_view css) {
    out_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>", css,
                        coordinate(a.first), coordinate(a.second), coordinate(b.first), coordinate(b.second));
}

void Svg::path(const std::vector<Point>& points, std::string_view stroke, double width,
               std::string_view dash) {
    out_ += fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\"{}/>",
                        points_of(points), stroke, coordinate(width),
                        dash.empty() ? "" : fmt::format(" stroke-dasharray=\"{}\"", dash));
}

void Svg::area(const std::vector<Point>& points, std::string_view fill, double opacity) {
    out_ += fmt::format("<polygon points=\"{}\" fill=\"{}\" fill-opacity=\"{}\"/>", points_of(points), fill,
                        opacity);
}

void Svg::circle(Point centre, double radius, std::string_view fill, double opacity, std::string_view title) {
    out_ += titled("circle",
                   fmt::format("cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"{}", coordinate(centre.first),
                               coordinate(centre.second), coordinate(radius), fill,
                               opacity < 1 ? fmt::format(" fill-opacity=\"{}\"", opacity) : ""),
                   title);
}

void Svg::ring(Point centre, double radius, std::string_view stroke) {
    out_ += fmt::format(
        "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"var(--bg)\" stroke=\"{}\" stroke-width=\"1.6\"/>",
        coordinate(centre.first), coordinate(centre.second), coordinate(radius), stroke);
}

void Svg::text(double x, double y, std::string_view content, TextStyle style) {
    constexpr std::array<std::string_view, 3> anchors{"start", "middle", "end"};
    out_ += fmt::format("<text x=\"{}\" y=\"{}\" text-anchor=\"{}\"", coordinate(x), coordinate(y),
                        anchors[static_cast<std::size_t>(style.anchor)]);
    if (!style.css.empty()) out_ += fmt::format(" class=\"{}\"", style.css);
    if (!style.fill.empty()) out_ += fmt::format(" style=\"fill:{}\"", style.fill);
    if (style.turned != 0)
        out_ += fmt::format(" transform=\"rotate({} {} {})\"", coordinate(style.turned), coordinate(x),
                            coordinate(y));
    out_ += fmt::format(">{}</text>", escape(content));
}

std::string Svg::str() const { return out_ + "</svg>\n"; }

std::vector<double> ticks(double low, double high, int wanted) {
    const double raw = (high - low) / wanted;
    if (!(raw > 0) || !std::isfinite(raw)) return {low};
    const double power = std::pow(10, std::floor(std::log10(raw)));
    double step = 10 * power;
    for (double candidate : {1.0, 2.0, 5.0})
        if (candidate * power >= raw * .999) {
            step = candidate * power;
            break;
        }
    std::vector<double> out;
    for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i)
        out.push_back(i * step);
    return out;
}

std::string tick_label(double value, double step) {
    if (std::abs(step) >= 5000) return number(value / 1000, 0) + "k";
    const int decimals = step > 0 ? std::max(0, -static_cast<int>(std::floor(std::log10(step) + 1e-9))) : 1;
    return number(value, decimals);
}

double text_width(std::string_view text) {
    double letters = 0;
    for (char c : text) letters += (c & 0xC0) != 0x80;  // counts characters of UTF-8, not bytes
    return 6.6 * letters;
}

void Frame::draw(Svg& svg) const {
    const auto label = [](const std::vector<double>& at, double v, bool as_percent) {
        const double step = at.size() > 1 ? at[1] - at[0] : 1;
        return as_percent ? tick_label(100 * v, 100 * step) : tick_label(v, step);
    };
    const auto xs = ticks(x.low, x.high, x_ticks), ys = ticks(y.low, y.high, y_ticks);
    for (double v : ys) {
        svg.line({x.from, y(v)}, {x.to, y(v)}, "grid");
        svg.text(x.from - 6, y(v) + 4, label(ys, v, percent_y), {Anchor::end, "s m"});
    }
    svg.line({x.from, y.from}, {x.to, y.from}, "axis");
    for (double v : xs) {
        svg.line({x(v), y.from}, {x(v), y.from + 4}, "axis");
        svg.text(x(v), y.from + 17, label(xs, v, percent_x), {Anchor::middle, "s m"});
    }
    if (!x_title.empty()) svg.text((x.from + x.to) / 2, y.from + 34, x_title, {Anchor::middle, "s"});
    // Above the axis, not turned: read without tilting the head.
    if (!y_title.empty()) svg.text(x.from - 30, y.to - 9, y_title, {Anchor::start, "s"});
}

}  // namespace vtvc::report
