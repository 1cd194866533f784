#pragma once
// One table of a sweep file: keys are taken one by one, and what nobody took is complained of.
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "vtvc/core/config_tree.hpp"

namespace vtvc::sweep {

class Fields {
  public:
    /// path: of the table, as messages show it ("axis.2"); empty for the file's root.
    Fields(const Node& table, std::string path, std::vector<Mistake>& problems);

    const Node* any(std::string_view name);
    const Node* table(std::string_view name);
    /// The rows of [[name]]; empty where there are none.
    std::vector<const Node*> rows(std::string_view name);
    void take(std::string_view name, std::int64_t& value,
              std::int64_t least = std::numeric_limits<std::int64_t>::min());
    void take(std::string_view name, double& value, double least = -std::numeric_limits<double>::infinity());
    void take(std::string_view name, std::string& value);
    /// One text or a list of texts.
    void take(std::string_view name, std::vector<std::string>& value);
    void take(std::string_view name, std::vector<std::int64_t>& value, std::int64_t least);
    /// Seconds as a number, or "90s", "10m", "2h", "1d".
    void take_seconds(std::string_view name, double& value);
    /// Mebibytes as a number, or "512M", "16G".
    void take_memory(std::string_view name, double& mebibytes);
    /// The index of one of the names, or what it was before.
    std::size_t choose(std::string_view name, const std::vector<std::string>& names, std::size_t before);

    bool has(std::string_view name) const { return table_.child(name) != nullptr; }
    std::string full(std::string_view name) const;
    void complain(const Place& place, std::string text) { problems_.push_back({place, std::move(text)}); }
    /// Every key that was not taken is unknown here.
    void finish();

  private:
    void wrong(std::string_view name, const Node& node, std::string_view expected);
    void take_measure(std::string_view name, double& value,
                      const std::vector<std::pair<std::string, double>>& units, std::string_view expected);

    const Node& table_;
    std::string path_;
    std::vector<Mistake>& problems_;
    std::vector<std::string> known_;
};

}  // namespace vtvc::sweep
