#pragma once
// What the verbs that read foreign checkpoints share: their options and how they report.
#include <memory>
#include <string>
#include <vector>

#include "output.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/imports/import.hpp"

namespace vtvc {

struct NetworkArguments {
    std::string map, prefix, family, activation, norm, pool, final_norm, tangent;
    std::int64_t heads = 0;
    double norm_eps = 0;
    std::vector<double> pixel_mean, pixel_sd;

    NetworkOptions options() const;
};
/// --map, --prefix, --heads, --activation …, bound to arguments.
void add_network_options(CLI::App& app, NetworkArguments& arguments);

/// The value of an enumeration by its name in files; ConfigError lists the names.
template <class E>
E value_named(const std::string& name, const char* option) {
    const auto& names = EnumNames<E>::names;
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<E>(i);
    fail<ConfigError>("{} '{}' is none of {}", option, name, fmt::join(names, ", "));
}

Json to_json(const NetworkReport& report);
/// Lines for people: layout, prefix, counts, what was skipped (by reason), notes.
std::string in_words(const NetworkReport& report);
/// "12 heads, quick_gelu, 224 px in patches of 32"
std::string in_words(const ModelKeys& keys);

}  // namespace vtvc
