#include "vtvc/training/model_files.hpp"

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;

Json parse_meta(const std::filesystem::path& path, const std::string& text) {
    Json meta = Json::parse(text, nullptr, false);
    if (meta.is_discarded() || !meta.is_object()) {
        fail<StorageError>("{}: its description is not JSON (the file is damaged or not ours)",
                           path.string());
    }
    return meta;
}
}  // namespace

void save_model(const std::filesystem::path& path, const Vit& vit, const std::vector<at::Tensor>& blocks,
                const std::string& base_hash, const std::string& about) {
    TensorFile file;
    file.kind = "model";
    Json meta;
    meta["model"] = Json::parse(model_meta(vit.keys()));
    if (!base_hash.empty()) meta["base_hash"] = base_hash;
    meta["about"] = Json::parse(about);
    for (std::size_t j = 0; j < blocks.size(); ++j) {
        meta["blocks"].push_back(vit.blocks()[j].name);
        file.tensors[vit.blocks()[j].name] = to_host(blocks[j].to(at::kFloat));
    }
    file.meta = meta.dump();
    file.write(path);
}

ModelFile load_model(const std::filesystem::path& path) {
    const TensorFile file = TensorFile::read(path, "model");
    const Json meta = parse_meta(path, file.meta);
    if (!meta.contains("model")) {
        fail<StorageError>("{}: it does not say its architecture; was it written by vtvc?", path.string());
    }
    ModelFile result{Vit(model_keys(meta["model"].dump())),
                     {},
                     content_hash_of(path.string()),
                     meta.value("base_hash", "")};
    for (const Block& block : result.vit.blocks()) {
        const auto found = file.tensors.find(block.name);
        if (found == file.tensors.end()) {
            fail<StorageError>("{}: tensor {} is missing (the architecture it states needs it)",
                               path.string(), block.name);
        }
        if (found->second.shape != block.shape) {
            fail<StorageError>("{}: tensor {} is {}, its architecture says {}", path.string(), block.name,
                               fmt::join(found->second.shape, "×"), fmt::join(block.shape, "×"));
        }
        result.blocks.push_back(to_tensor(found->second));
    }
    return result;
}

at::Tensor Head::logits(const at::Tensor& features) const {
    const at::Tensor direction = features / features.norm(2, -1, true).clamp_min(1e-12);
    return torch::matmul(direction, weight.t()) * scale;
}

void save_head(const std::filesystem::path& path, const Head& head, const std::string& about) {
    TensorFile file;
    file.kind = "head";
    file.meta = Json{{"head", name_of(head.kind)},
                     {"scale", head.scale},
                     {"base_hash", head.base_hash},
                     {"dataset_hash", head.dataset_hash},
                     {"about", Json::parse(about)}}
                    .dump();
    file.tensors["weight"] = to_host(head.weight);
    file.write(path);
}

Head load_head(const std::filesystem::path& path, const std::string& expected_base) {
    const TensorFile file = TensorFile::read(path, "head");
    const Json meta = parse_meta(path, file.meta);
    Head head;
    head.kind = meta.value("head", "") == "linear_probe" ? HeadKind::linear_probe : HeadKind::prototype;
    head.scale = meta.value("scale", 1.0);
    head.base_hash = meta.value("base_hash", "");
    head.dataset_hash = meta.value("dataset_hash", "");
    head.hash = content_hash_of(path.string());
    const auto found = file.tensors.find("weight");
    if (found == file.tensors.end() || found->second.shape.size() != 2) {
        fail<StorageError>("{}: no weight [classes, features] in it", path.string());
    }
    head.weight = to_tensor(found->second).to(at::kFloat);
    if (!expected_base.empty() && head.base_hash != expected_base) {
        fail<StorageError>(
            "{}: this head was made on base {}, here base {} is used (its directions mean nothing "
            "there); make it again with a job of kind 'head'",
            path.string(), head.base_hash, expected_base);
    }
    return head;
}

}  // namespace vtvc
