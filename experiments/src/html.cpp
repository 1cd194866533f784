#include "html.hpp"

#include <fmt/format.h>

#include <cmath>

namespace vtvc::report {
namespace {

// Light and dark from one set of names. The eight hues are Okabe and Ito's, told apart by colour-blind
// readers.
constexpr std::string_view style = R"css(
:root{color-scheme:light dark;--bg:#fff;--fg:#1b1b1b;--muted:#5f6368;--rule:#d9dce0;--soft:#f4f5f7;--grid:#e6e8eb;
--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#cc79a7;--c4:#e69f00;--c5:#56b4e9;--c6:#7a7a7a;--c7:#1b1b1b}
@media (prefers-color-scheme:dark){:root{--bg:#15171a;--fg:#e8e8e6;--muted:#a0a5ab;--rule:#3a3e44;--soft:#1e2125;--grid:#2c3036;
--c0:#4ba3dc;--c1:#f08a4b;--c2:#35c69b;--c3:#e09fc4;--c4:#f0b840;--c5:#8ccbf2;--c6:#a8a8a8;--c7:#e8e8e6}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--fg);font:15px/1.5 "Helvetica Neue",Helvetica,Arial,"Liberation Sans","DejaVu Sans",sans-serif}
main{max-width:1180px;margin:0 auto;padding:2.2rem 1.5rem 4rem}
h1{font-size:1.75rem;line-height:1.2;margin:0 0 .4rem}
h2{font-size:1.25rem;margin:2.8rem 0 .7rem;padding-top:.8rem;border-top:1px solid var(--rule)}
h3{font-size:1.02rem;margin:1.6rem 0 .5rem}
p{margin:.5rem 0;max-width:52rem}
.lead,.note,figcaption{color:var(--muted)}
.note,figcaption{font-size:.87rem;line-height:1.45}
.caption{margin:1.1rem 0 .4rem;max-width:66rem}
.caption b,figcaption b{color:var(--fg)}
sub{line-height:0}
code{font:.88em ui-monospace,Menlo,Consolas,"DejaVu Sans Mono",monospace}
figure{margin:1rem 0 1.4rem;overflow-x:auto}
figcaption{max-width:58rem;margin-top:.3rem}
.scroll{overflow-x:auto;margin:.4rem 0 1.3rem}
table{border-collapse:collapse;font-size:.83rem;font-variant-numeric:tabular-nums}
thead th{border-top:1.5px solid var(--fg);border-bottom:1px solid var(--fg);font-weight:600;vertical-align:bottom;white-space:normal}
tbody tr:last-child>*{border-bottom:1.5px solid var(--fg)}
td,th{padding:.2rem .44rem;text-align:right;white-space:nowrap}
th:first-child{text-align:left;padding-left:0;font-weight:400}
thead th:first-child{font-weight:600}
tbody tr:hover>*{background:var(--soft)}
table.words td,table.words th{text-align:left;white-space:normal;vertical-align:top}
.best{font-weight:700}
.yes{color:var(--c2);font-weight:600}.no{color:var(--c1);font-weight:600}
details{margin:.8rem 0;border-left:3px solid var(--rule);padding-left:.9rem}
summary{cursor:pointer;color:var(--muted);font-size:.9rem}
.panels{display:flex;flex-wrap:wrap;gap:.8rem 1.1rem;align-items:flex-start}
.samples{display:grid;grid-template-columns:repeat(auto-fill,minmax(248px,1fr));gap:.9rem}
.sample{display:flex;gap:.7rem;align-items:flex-start;font-size:.8rem;line-height:1.35}
.sample img{width:84px;height:84px;image-rendering:pixelated;border:1px solid var(--rule);flex:none}
svg{display:block;max-width:none}
svg text{fill:var(--fg);font-family:inherit;font-size:12px}
svg .m{fill:var(--muted)}svg .s{font-size:11px}svg .h{font-weight:600}
svg .axis{stroke:var(--fg);stroke-width:1}svg .grid{stroke:var(--grid);stroke-width:1}
)css";

}  // namespace

std::string escape(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (char c : text) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

std::string number(double value, int decimals) {
    if (std::isnan(value)) return "–";
    std::string digits = fmt::format("{:.{}f}", std::abs(value), decimals);
    const bool zero = digits.find_first_not_of("0.") == std::string::npos;
    return (value < 0 && !zero ? "−" : "") + digits;
}

std::string signed_number(double value, int decimals) {
    const std::string text = number(value, decimals);
    return value > 0 && text.find_first_not_of("0.") != std::string::npos ? "+" + text : text;
}

std::string percent(double fraction, int decimals) { return number(100 * fraction, decimals); }

std::string with_sd(double value, double sd, int decimals) {
    return std::isnan(sd) ? number(value, decimals)
                          : fmt::format("{} ± {}", number(value, decimals), number(sd, decimals));
}

std::string p_value(double p) {
    if (std::isnan(p)) return "–";
    return p < .001 ? "&lt; 0.001" : number(p, 3);
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

std::string Table::html() const {
    // The caption is no <caption>: it would be as wide as the table, and scroll away with it.
    std::string out;
    if (!caption.empty()) out += fmt::format("<p class=\"note caption\">{}</p>\n", caption);
    out += fmt::format("<div class=\"scroll\"><table{}>\n<thead><tr>", words ? " class=\"words\"" : "");
    for (const std::string& h : head) out += fmt::format("<th>{}</th>", h);
    out += "</tr></thead>\n<tbody>\n";
    for (const auto& row : rows) {
        out += "<tr>";
        for (std::size_t i = 0; i < row.size(); ++i) {
            const TableCell& cell = row[i];
            out += fmt::format("<{0}{2}{3}>{1}</{0}>", i == 0 ? "th" : "td", cell.html,
                               cell.best ? " class=\"best\"" : "",
                               cell.title.empty() ? "" : fmt::format(" title=\"{}\"", escape(cell.title)));
        }
        out += "</tr>\n";
    }
    return out + "</tbody></table></div>\n";
}

std::string counted(std::size_t n, std::string_view thing) {
    return fmt::format("{} {}{}", n, thing, n == 1 ? "" : "s");
}

std::string paragraph(std::string_view html) { return fmt::format("<p>{}</p>\n", html); }

std::string figure(std::string_view content, std::string_view caption) {
    return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", content, caption);
}

std::string fold_out(std::string_view summary, std::string_view content) {
    return fmt::format("<details><summary>{}</summary>\n{}</details>\n", summary, content);
}

std::string section(std::string_view id, std::string_view heading, std::string_view content) {
    if (content.empty()) return "";
    return fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n{}</section>\n", id, heading, content);
}

std::string page(const std::string& title, const std::string& body) {
    return fmt::format(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
        "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
        "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        escape(title), style, body);
}

}  // namespace vtvc::report
