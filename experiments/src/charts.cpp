// Maps: cells whose colour is a share.
#include "charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "html.hpp"

namespace vtvc::report {
namespace {

// One hue from light to dark, so that order can be seen without colour.
std::string shade(double share) {
    constexpr std::array<std::array<double, 3>, 5> stops{
        {{246, 249, 252}, {171, 207, 229}, {82, 157, 204}, {17, 99, 170}, {8, 48, 107}}};
    const double at = std::clamp(share, 0.0, 1.0) * 4;
    const auto below = std::min<std::size_t>(3, static_cast<std::size_t>(at));
    std::array<int, 3> rgb{};
    for (std::size_t c = 0; c < 3; ++c)
        rgb[c] = static_cast<int>(std::lround(stops[below][c] + (at - static_cast<double>(below)) *
                                                                    (stops[below + 1][c] - stops[below][c])));
    return fmt::format("#{:02x}{:02x}{:02x}", rgb[0], rgb[1], rgb[2]);
}

double widest(const std::vector<std::string>& texts) {
    double out = 0;
    for (const std::string& text : texts) out = std::max(out, text_width(text));
    return out;
}

// "transformer.resblocks.2.attn.in_proj_weight" → "2": the first part that is a number; empty outside the
// layers.
std::string layer_of(const std::string& name) {
    for (std::size_t start = 0; start < name.size();) {
        const std::size_t stop = std::min(name.find('.', start), name.size());
        std::string part = name.substr(start, stop - start);
        if (!part.empty() && part.find_first_not_of("0123456789") == std::string::npos) return part;
        start = stop + 1;
    }
    return "";
}

struct Span {
    std::string label;
    std::size_t first, last;
};
// Columns of one layer together; what comes before the layers and after them by the bank's words for it.
// Where no name has a layer (coarse partitions), every column is labelled by its own name.
std::vector<Span> layers_of(const std::vector<std::string>& names) {
    const bool layered =
        std::any_of(names.begin(), names.end(), [](const auto& n) { return !layer_of(n).empty(); });
    std::vector<Span> out;
    std::string current;
    for (std::size_t i = 0; i < names.size(); ++i) {
        const std::string layer = layered ? layer_of(names[i]) : names[i];
        if (out.empty() || layer != current) {
            const std::string outside = out.empty() ? "embedding" : "output";
            out.push_back({!layered ? layer : layer.empty() ? outside : "layer " + layer, i, i});
        }
        current = layer;
        out.back().last = i + 1;
    }
    return out;
}

}  // namespace

std::string heatmap(const Heatmap& spec) {
    const double cell_width = spec.small ? 40 : 58, cell_height = spec.small ? 24 : 32;
    const bool turned = widest(spec.grid.columns) > cell_width - 6;
    const double left = widest(spec.grid.rows) + 14;
    const double top = (turned ? 30 + .62 * widest(spec.grid.columns) : 44) + 18;
    const double lean =
        turned ? .72 * widest(spec.grid.columns) : 0;  // the last label leans past the last column
    const double width = left + cell_width * static_cast<double>(spec.grid.columns.size());
    const double height = top + cell_height * static_cast<double>(spec.grid.rows.size()) + 4;
    Svg svg(std::max(width + lean, left + text_width(spec.title)), height, spec.title);
    svg.text(0, 14, spec.title, {Anchor::start, "h"});
    svg.text(0, top - 8, spec.row_title, {Anchor::start, "s m"});
    svg.text(left, 32, spec.column_title, {Anchor::start, "s m"});
    for (std::size_t c = 0; c < spec.grid.columns.size(); ++c) {
        const double x = left + cell_width * (static_cast<double>(c) + .5);
        if (turned)
            svg.text(x, top - 7, spec.grid.columns[c], {Anchor::start, "", -40});
        else
            svg.text(x, top - 8, spec.grid.columns[c], {Anchor::middle});
    }
    for (std::size_t r = 0; r < spec.grid.rows.size(); ++r) {
        const double y = top + cell_height * static_cast<double>(r);
        svg.text(left - 8, y + cell_height / 2 + 4, spec.grid.rows[r], {Anchor::end});
        for (std::size_t c = 0; c < spec.grid.columns.size(); ++c) {
            const double value = spec.grid.at(r, c), x = left + cell_width * static_cast<double>(c);
            const bool share = spec.highest == 1;
            const double darkness = spec.highest > 0 ? value / spec.highest : 0;
            const std::string words = fmt::format("{}, {}: {}", spec.grid.rows[r], spec.grid.columns[c],
                                                  share ? percent(value, 1) + " %" : number(value, 4));
            svg.rect(x, y, cell_width - 1.5, cell_height - 1.5,
                     std::isnan(value) ? "var(--soft)" : shade(darkness), words);
            svg.text(x + cell_width / 2 - 1, y + cell_height / 2 + 4,
                     share ? percent(value, 0) : number(value, 2),
                     {Anchor::middle, spec.small ? "s" : "", 0,
                      std::isnan(value) || darkness < .45 ? "#1b1b1b" : "#fff"});
        }
    }
    return svg.str();
}

std::string block_map(const Grid& grid, const std::string& title) {
    const double left = widest(grid.rows) + 14, row_height = 20;
    const double columns = static_cast<double>(grid.columns.size());
    const double cell = std::clamp(880 / std::max(1.0, columns), 2.0, 34.0);
    const double top = 28, bottom = top + row_height * static_cast<double>(grid.rows.size());
    const double width = left + cell * columns;
    Svg svg(std::max({width + 60, left + text_width(title), left + 230}), bottom + 62, title);
    svg.text(0, 14, title, {Anchor::start, "h"});
    for (std::size_t r = 0; r < grid.rows.size(); ++r) {
        const double y = top + row_height * static_cast<double>(r);
        svg.text(left - 8, y + 14, grid.rows[r], {Anchor::end});
        for (std::size_t c = 0; c < grid.columns.size(); ++c)
            svg.rect(left + cell * static_cast<double>(c), y, cell - (cell > 6 ? .6 : 0), row_height - 1.5,
                     std::isnan(grid.at(r, c)) ? "var(--soft)" : shade(grid.at(r, c)),
                     fmt::format("{}, {}: {} %", grid.rows[r], grid.columns[c], percent(grid.at(r, c), 1)));
    }
    for (const Span& layer : layers_of(grid.columns)) {
        const double from = left + cell * static_cast<double>(layer.first),
                     to = left + cell * static_cast<double>(layer.last);
        svg.line({from, bottom}, {from, bottom + 5}, "axis");
        if (to - from > .85 * text_width(layer.label))
            svg.text((from + to) / 2, bottom + 14, layer.label, {Anchor::middle, "s m"});
    }
    svg.line({width, bottom}, {width, bottom + 5}, "axis");
    for (int i = 0; i <= 20; ++i) svg.rect(left + 6 * i, bottom + 30, 6, 9, shade(i / 20.0));
    svg.text(left, bottom + 52, "0", {Anchor::start, "s m"});
    svg.text(left + 126, bottom + 52, "100 % of samples", {Anchor::middle, "s m"});
    return svg.str();
}

std::string vector_bars(const std::vector<std::string>& names, const std::vector<double>& values,
                        double highest) {
    const double left = std::min(100.0, .95 * widest(names)) + 6, row = 13, length = 46;
    Svg svg(left + length + 34, row * static_cast<double>(values.size()) + 3,
            "size of each task vector's coefficients");
    for (std::size_t k = 0; k < values.size(); ++k) {
        const double y = row * static_cast<double>(k);
        svg.text(left - 5, y + 10, names[k], {Anchor::end, "s"});
        svg.line({left, y}, {left, y + row}, "axis");
        svg.rect(left, y + 2, highest > 0 ? length * values[k] / highest : 0, row - 4, "var(--c0)");
        svg.text(left + 4 + (highest > 0 ? length * values[k] / highest : 0), y + 10,
                 values[k] == 0 ? "0" : number(values[k], 2), {Anchor::start, "s m"});
    }
    return svg.str();
}

std::string method_colour(const std::string& id) {
    if (id.ends_with("_hard")) return colour(5);
    if (id == "vtvc" || id == "vtvc_blind") return colour(0);
    if (id == "amortised") return colour(1);
    if (id == "per_dataset") return colour(2);
    if (id == "atlas" || id.starts_with("vtvc_")) return colour(3);
    if (id == "probe" || id == "gaussian") return colour(4);
    if (id == "individual") return colour(7);
    return colour(6);
}

}  // namespace vtvc::report
