#pragma once
// A drawing in SVG: a few primitives, axes and a scale. Colours are names of the page's style ("var(--c0)"),
// so that a picture follows light and dark.
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace vtvc::report {

using Point = std::pair<double, double>;

enum class Anchor { start, middle, end };
struct TextStyle {
    Anchor anchor = Anchor::start;
    std::string_view css = "";  ///< classes: m muted, s small, h heading
    double turned = 0;          ///< degrees
    std::string_view fill = "";
};

class Svg {
  public:
    /// label: what the picture shows, for readers who do not see it.
    Svg(double width, double height, std::string_view label);
    void rect(double x, double y, double width, double height, std::string_view fill,
              std::string_view title = "");
    void line(Point a, Point b, std::string_view css);
    /// dash: SVG dash array, empty for a full line.
    void path(const std::vector<Point>& points, std::string_view stroke, double width = 1.6,
              std::string_view dash = "");
    void area(const std::vector<Point>& points, std::string_view fill, double opacity);
    void circle(Point centre, double radius, std::string_view fill, double opacity = 1,
                std::string_view title = "");
    void ring(Point centre, double radius, std::string_view stroke);
    void text(double x, double y, std::string_view text, TextStyle style = {});
    std::string str() const;

  private:
    std::string out_;
};

/// A coordinate without trailing zeros.
std::string coordinate(double value);
std::string colour(std::size_t index);

/// Maps [low, high] to [from, to] pixels.
struct Scale {
    double low = 0, high = 1, from = 0, to = 1;
    double operator()(double v) const { return from + (v - low) / (high - low) * (to - from); }
};
/// Round numbers inside [low, high], about `wanted` of them.
std::vector<double> ticks(double low, double high, int wanted = 5);
/// A tick's label with as many decimals as the step needs; large steps as "20k".
std::string tick_label(double value, double step);

/// The frame of a plot: grid lines, tick labels, axis titles.
struct Frame {
    Scale x, y;
    std::string x_title, y_title;
    bool percent_x = false, percent_y = false;
    int x_ticks = 5, y_ticks = 5;
    void draw(Svg& svg) const;
};

/// Approximate width in pixels of a text at the usual size; for margins only.
double text_width(std::string_view text);

}  // namespace vtvc::report
