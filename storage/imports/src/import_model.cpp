#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "import_parts.hpp"
#include "origin.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

NetworkReport describe_network(const ForeignNetwork& network) {
    NetworkReport report;
    report.path = network.path();
    report.format = network.checkpoint().layout();
    report.layout = network.mapping().layout;
    report.prefix = network.mapping().prefix;
    report.tensors = network.mapping().pieces.size();
    for (const auto& piece : network.mapping().pieces)
        report.parameters += network.checkpoint().tensors()[piece.tensor].elements();
    report.skipped = network.mapping().skipped;
    report.notes = network.mapping().notes;
    return report;
}

bool starts_like_hdf5(const std::filesystem::path& path) {
    constexpr std::array<char, 8> signature{'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    std::ifstream file(path, std::ios::binary);
    for (const std::streamoff at :
         {0, 512, 1024, 2048}) {  // HDF5 allows for a user block; ours holds the index
        std::array<char, 8> found{};
        if (file.seekg(at) && file.read(found.data(), found.size()) && found == signature) return true;
    }
    return false;
}

ArchitectureHints hints_for(const ForeignNetwork& network, const NetworkOptions& options) {
    auto hints = merged(options.hints, read_hints(network.path()));
    if (options.family == NetworkOptions::Family::openai_clip)
        hints = merged(hints, openai_clip_hints(recognise_sizes(network).width));
    return hints;
}

ModelReport import_model(const std::filesystem::path& checkpoint, const std::filesystem::path& out,
                         const NetworkOptions& options) {
    const auto network = ForeignNetwork::open(checkpoint, options.mapping);
    const auto hints = hints_for(network, options);
    ModelReport report{describe_network(network), recognise_architecture(network, hints), ""};
    report.network.sources = hints.sources;

    TensorFile file;
    file.kind = "model";
    nlohmann::ordered_json meta;
    meta["model"] = nlohmann::ordered_json::parse(model_meta(report.keys));
    meta["origin"] = nlohmann::ordered_json::parse(to_json(origin_of(network, hints.config)));
    for (const auto& block : model_blocks(report.keys)) {
        meta["blocks"].push_back(block.name);
        const auto values = network.read(block.name, block.shape);
        file.tensors[block.name] = HostTensor::of<float>(block.shape, values);
    }
    file.meta = meta.dump();
    file.write(out);
    report.hash = content_hash_of(out.string());
    return report;
}

}  // namespace vtvc
