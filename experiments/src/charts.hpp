#pragma once
// The report's chart types. Each takes numbers and words and gives one inline SVG.
#include <string>
#include <vector>

#include "results.hpp"
#include "svg.hpp"

namespace vtvc::report {

/// Numbers in coloured cells: fractions, printed in percent, or (highest other than 1) sizes, to two
/// decimals.
struct Heatmap {
    std::string title, row_title, column_title;
    Grid grid;
    bool small = false;  ///< one of several side by side
    double highest = 1;  ///< the value of the darkest cell
};
std::string heatmap(const Heatmap& spec);

/// Vector × block without numbers; a tick where the layer changes.
std::string block_map(const Grid& grid, const std::string& title);

struct Series {
    std::string name, stroke;
    std::vector<Point> points;
    std::string dash = {};
    bool markers = false;
};
struct LineChart {
    std::string title, x_title, y_title;
    std::vector<Series> series;  ///< equal names appear once in the legend
    bool percent_y = false;
    bool from_zero = true;
    double width = 264, height = 206;  ///< of one row of legend; more make it taller
};
/// Empty where no series has a point.
std::string line_chart(const LineChart& spec);

/// Accuracy against confidence, both in percent, the diagonal dashed; the area of a dot is the share of
/// images.
std::string reliability_chart(const std::string& title, const std::vector<Series>& curves,
                              const std::vector<std::vector<double>>& shares);

struct DotRow {
    std::string name, fill;
    double mean = 0;
    std::vector<double> seeds;
};
/// Accuracy of each method: seeds as pale dots, their mean as a full one.
std::string dot_plot(const std::string& x_title, const std::vector<DotRow>& rows);

struct IntervalRow {
    std::string name;
    double value = 0, low = 0, high = 0;
};
/// Differences with their intervals about a line at zero.
std::string interval_plot(const std::string& x_title, const std::vector<IntervalRow>& rows);

/// |μ| against u with the gate's threshold t(u) = τ0(1 + βu).
std::string gate_scatter(const std::string& title, const std::vector<GatePoint>& points, double tau0,
                         double beta);

/// Small bars of one sample's vectors, all on one scale.
std::string vector_bars(const std::vector<std::string>& names, const std::vector<double>& values,
                        double highest);

/// The same colour for a method in every picture.
std::string method_colour(const std::string& id);

}  // namespace vtvc::report
