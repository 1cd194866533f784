#pragma once
// Text for a page: escaping, numbers as a paper prints them, tables, the page around the sections.
#include <string>
#include <string_view>
#include <vector>

namespace vtvc::report {

std::string escape(std::string_view text);

/// A number with fixed decimals and a true minus sign; "–" for NaN.
std::string number(double value, int decimals);
/// With a sign also when positive.
std::string signed_number(double value, int decimals);
/// A fraction in percent, without the sign "%".
std::string percent(double fraction, int decimals = 1);
/// "63.7 ± 0.5"; without "± …" where the second is NaN (one seed).
std::string with_sd(double value, double sd, int decimals);
/// p as printed in tables: "< 0.001" or three decimals.
std::string p_value(double p);
std::string join(const std::vector<std::string>& parts, std::string_view separator);

struct TableCell {
    std::string html;
    bool best = false;
    std::string title = {};  ///< plain text shown on hovering
};
struct Table {
    std::string caption;  ///< HTML, above the table
    std::vector<std::string> head;
    std::vector<std::vector<TableCell>> rows;  ///< the first cell of a row is its heading
    bool words = false;                        ///< sentences, not numbers: wrapped, to the left
    std::string html() const;
};

/// "1 seed", "3 seeds"
std::string counted(std::size_t n, std::string_view thing);
std::string paragraph(std::string_view html);
/// A picture with its caption (HTML) below.
std::string figure(std::string_view content, std::string_view caption);
std::string fold_out(std::string_view summary, std::string_view content);
std::string section(std::string_view id, std::string_view heading, std::string_view content);
std::string page(const std::string& title, const std::string& body);

}  // namespace vtvc::report
