#pragma once
// Checkpoints made for tests: numbers that tell their place, in any of the lists of lists.hpp.
#include <cstring>
#include <map>

#include "lists.hpp"
#include "vtvc/imports/safetensors_writer.hpp"

namespace vtvc::test {

/// A number for each place of each tensor, the same whatever the order of tensors: small, exact in f16.
inline float value_at(const std::string& name, std::size_t i) {
    std::size_t sum = 7 * i;
    for (const char c : name) sum += static_cast<unsigned char>(c);
    return static_cast<float>(static_cast<int>(sum % 101) - 50) / 64.0F;
}

inline std::vector<float> values_of(const ForeignTensor& tensor) {
    std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = value_at(tensor.name, i);
    return values;
}

/// change: what is added to every floating number.
inline void write_checkpoint(const std::filesystem::path& path, const std::vector<ForeignTensor>& list,
                             float change = 0) {
    SafetensorsWriter writer(path, list, {});
    for (const auto& tensor : list) {
        if (!is_floating(tensor.type)) {
            writer.write(
                std::vector<std::byte>(static_cast<std::size_t>(tensor.elements()) * size_of(tensor.type)));
            continue;
        }
        auto values = values_of(tensor);
        for (auto& value : values) value += change;
        writer.write(to_bytes(values, tensor.type, tensor.name));
    }
    writer.finish();
}

inline std::map<std::string, std::vector<float>> read_checkpoint(const std::filesystem::path& path) {
    const auto checkpoint = ForeignCheckpoint::open(path);
    std::map<std::string, std::vector<float>> all;
    for (std::size_t t = 0; t < checkpoint.tensors().size(); ++t) {
        auto& values = all[checkpoint.tensors()[t].name];
        values.resize(static_cast<std::size_t>(checkpoint.tensors()[t].elements()));
        if (is_floating(checkpoint.tensors()[t].type)) checkpoint.read_f32(t, values);
    }
    return all;
}

}  // namespace vtvc::test
