// The tables for a terminal.
#include <fmt/format.h>

#include "export.hpp"
#include "html.hpp"

namespace vtvc::report {
namespace {

std::size_t letters(const std::string& text) {
    std::size_t count = 0;
    for (char c : text) count += (c & 0xC0) != 0x80;  // characters of UTF-8, not bytes
    return count;
}

using Lines = std::vector<std::vector<std::string>>;

// Columns as wide as their widest entry, the first to the left and the others to the right.
std::string aligned(const Lines& lines) {
    std::vector<std::size_t> widths;
    for (const auto& line : lines) {
        widths.resize(std::max(widths.size(), line.size()));
        for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], letters(line[i]));
    }
    std::string out;
    for (const auto& line : lines) {
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string gap(widths[i] - letters(line[i]), ' ');
            out += i == 0 ? fmt::format("{}{}", line[i], gap) : fmt::format("  {}{}", gap, line[i]);
        }
        out += '\n';
    }
    return out;
}

std::string table(const ProtocolResults& protocol) {
    Lines lines{{"method"}};
    const bool many = protocol.datasets.size() > 1;
    if (many)
        for (const std::string& dataset : protocol.datasets) lines[0].push_back(dataset);
    for (const char* head : {"top-1, %", "NLL", "ECE, %", "zeros, %", "seeds"}) lines[0].emplace_back(head);
    for (const Row* row : protocol.in_order()) {
        std::vector<std::string> line{row->id};
        if (many)
            for (const std::string& dataset : protocol.datasets)
                line.push_back(percent(row->value(dataset, &Cell::accuracy)));
        line.push_back(with_sd(100 * row->average(&Cell::accuracy), 100 * row->spread(&Cell::accuracy), 1));
        line.push_back(number(row->average(&Cell::nll), 3));
        line.push_back(percent(row->average(&Cell::ece)));
        line.push_back(percent(row->average(&Cell::zeros), 0));
        line.push_back(std::to_string(row->seeds().size()));
        lines.push_back(std::move(line));
    }
    return aligned(lines);
}

std::string differences(const std::vector<Comparison>& comparisons) {
    Lines lines;
    for (const Comparison& c : comparisons)
        lines.push_back({fmt::format("{} − {}", c.main, c.rival),
                         fmt::format("{} points", signed_number(100 * c.accuracy.difference, 1)),
                         fmt::format("[{}, {}]", signed_number(100 * c.accuracy.interval.low, 1),
                                     signed_number(100 * c.accuracy.interval.high, 1)),
                         fmt::format("NLL {}", signed_number(c.nll.difference, 3)),
                         fmt::format("[{}, {}]", signed_number(c.nll.interval.low, 3),
                                     signed_number(c.nll.interval.high, 3))});
    return lines.empty() ? "" : fmt::format("\n{}", aligned(lines));
}

}  // namespace

std::string tables_text(const Results& results, const Comparisons& comparisons) {
    std::string out;
    for (const ProtocolResults& protocol : results.protocols) {
        if (!out.empty()) out += '\n';
        out += fmt::format("{}\n\n{}", protocol_name(protocol.name), table(protocol));
        if (const auto found = comparisons.find(protocol.name); found != comparisons.end())
            out += differences(found->second);
    }
    return out;
}

}  // namespace vtvc::report
