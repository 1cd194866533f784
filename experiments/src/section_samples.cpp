// Some test images with what was said of them and the coefficients they were given.
#include <fmt/format.h>

#include <algorithm>

#include "charts.hpp"
#include "html.hpp"
#include "png.hpp"
#include "sections.hpp"
#include "vtvc/storage/dataset.hpp"

namespace vtvc::report {
namespace {

constexpr std::size_t most = 12;  // a protocol

struct Shown {
    const DatasetInfo* info;
    const Cell* cell;
    const Example* example;
};

// An even choice: the first example of every data set, then the second of each, and so on.
std::vector<Shown> choose(const Material& m, const Row& row) {
    std::vector<Shown> out;
    for (std::size_t turn = 0; out.size() < most && turn < most; ++turn)
        for (const auto& [dataset, cells] : row.cells) {
            const Cell& cell = cells.begin()->second;
            const auto info = m.results.datasets.find(cell.data);
            if (info == m.results.datasets.end() || !info->second.readable) continue;
            if (info->second.channels != 1 && info->second.channels != 3) continue;
            if (turn < cell.examples.size() && out.size() < most)
                out.push_back({&info->second, &cell, &cell.examples[turn]});
        }
    return out;
}

std::string name_in(const std::vector<std::string>& names, std::int32_t at) {
    return at >= 0 && static_cast<std::size_t>(at) < names.size() ? names[static_cast<std::size_t>(at)]
                                                                  : std::to_string(at);
}

std::string card(const Shown& shown, const SplitData& rows, double highest) {
    const auto at = std::find(rows.ids.begin(), rows.ids.end(), shown.example->id);
    if (at == rows.ids.end()) return "";
    const auto bytes =
        static_cast<std::size_t>(shown.info->height * shown.info->width * shown.info->channels);
    const auto pixels =
        std::span(rows.images).subspan(static_cast<std::size_t>(at - rows.ids.begin()) * bytes, bytes);
    const Example& e = *shown.example;
    const std::string where =
        e.subdomain >= 0 ? name_in(shown.info->subdomain_names, e.subdomain) : shown.info->name;
    const bool right = e.label == e.predicted;
    return fmt::format(
        "<div class=\"sample\"><img alt=\"test image {}\" width=\"84\" height=\"84\" "
        "src=\"{}\"><div><b>{}</b><br>"
        "true: {}<br>said: <span class=\"{}\">{}</span> ({} %){}</div></div>\n",
        e.id, png_uri(pixels, shown.info->height, shown.info->width, shown.info->channels), escape(where),
        escape(name_in(shown.info->class_names, e.label)), right ? "yes" : "no",
        escape(name_in(shown.info->class_names, e.predicted)), percent(e.probability, 0),
        vector_bars(shown.cell->vectors, e.size_of_vector, highest));
}

}  // namespace

std::string sample_section(const Material& m) {
    std::string out;
    for (const ProtocolResults& protocol : m.results.protocols) {
        const Row* main = protocol.main_row();
        if (!main) continue;
        const Row* row = hard_form(protocol, *main);
        const auto chosen = choose(m, *row);
        double highest = 0;
        for (const Shown& shown : chosen)
            for (double v : shown.example->size_of_vector) highest = std::max(highest, v);
        std::map<std::string, SplitData> images;
        std::string cards;
        for (const Shown& shown : chosen) {
            auto found = images.find(shown.info->path);
            if (found == images.end())
                found =
                    images.emplace(shown.info->path, Dataset::open(shown.info->path).read(Split::test)).first;
            cards += card(shown, found->second, highest);
        }
        if (cards.empty()) continue;
        out += fmt::format("<h3>{}</h3>\n<div class=\"samples\">\n{}</div>\n",
                           escape(protocol.name + ": " + method_name(row->id)), cards);
    }
    if (out.empty()) return "";
    return section(
        "samples", "Samples and their coefficients",
        paragraph("Test images of the first seed: from each group the first that was right and the first "
                  "that was wrong, not picked by eye. Bars: Σ<sub>j</sub> |z<sub>kj</sub>| / J, the mean "
                  "size of a vector's coefficients; one scale a protocol.") +
            out);
}

}  // namespace vtvc::report
