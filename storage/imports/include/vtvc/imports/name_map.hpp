#pragma once
// A user's map of names, for checkpoints that no layout knows: regular expressions in a TOML file.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace vtvc {

class NameMap {
  public:
    NameMap();  ///< renames nothing
    /// [[rename]] from = '^net\.(\d+)\.fc$', to = 'transformer.resblocks.$1.mlp.c_fc.weight', optionally
    /// transpose = true; [[skip]] name = '…', reason = "…". The first rule whose expression (ECMAScript) is
    /// found in a name decides. ConfigError with file:line:column for unknown keys, wrong types, expressions
    /// that do not compile.
    static NameMap read(const std::filesystem::path& path);

    struct Renamed {
        std::string name;
        bool transposed = false;
        std::string skip_reason;  ///< not empty: the tensor is left out
    };
    /// nullopt: no rule speaks of it.
    std::optional<Renamed> apply(const std::string& name) const;
    bool empty() const;

  private:
    struct Rules;
    std::shared_ptr<const Rules> rules_;
};

}  // namespace vtvc
