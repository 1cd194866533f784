#pragma once
// One small valid file of each of our kinds, written by the project's own writers.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "scratch.hpp"
#include "seeds.hpp"
#include "vtvc/core/model_keys.hpp"
#include "vtvc/storage/bank.hpp"

namespace vtvc::fuzz {

enum class OwnKind : std::uint8_t { dataset, features, bank, predictions, model, head, method, checkpoint };
constexpr int kOwnKinds = 8;
const char* name_of(OwnKind kind);

class Samples {
  public:
    struct Sample {
        std::string name;
        OwnKind kind;
        std::filesystem::path path;
    };
    /// Made when it is first asked for.
    static const Samples& only();
    const std::vector<Sample>& files() const { return files_; }
    /// With every storage kind among its task vectors.
    const Bank& bank() const { return *bank_; }
    /// Of the model and the bank.
    const ModelKeys& keys() const { return keys_; }

  private:
    Samples();
    std::filesystem::path add(const std::string& name, OwnKind kind);
    void add_data();
    void add_network();
    void add_rest();

    Scratch folder_;
    std::vector<Sample> files_;
    ModelKeys keys_;
    std::optional<Bank> bank_;
};

}  // namespace vtvc::fuzz
