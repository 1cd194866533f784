#include "vtvc/training/model_files.hpp"

#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/models/activation.hpp"
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

at::Tensor Head::logits(const at::Tensor& features_of_base) const {
    at::Tensor x = features_of_base;
    if (features == FeatureForm::normalised) x = x / x.norm(2, -1, true).clamp_min(1e-12);
    if (hidden_weight.defined()) x = activate(torch::matmul(x, hidden_weight.t()) + hidden_bias, activation);
    const at::Tensor logits = torch::matmul(x, weight.t()) * scale;
    return bias.defined() ? logits + bias : logits;
}

void save_head(const std::filesystem::path& path, const Head& head, const std::string& about) {
    const auto values = [](const at::Tensor& tensor) {
        if (!tensor.defined()) return std::vector<float>{};
        const at::Tensor flat = tensor.detach().to(at::kFloat).contiguous();
        return std::vector<float>(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
    };
    HeadContents contents;
    contents.kind = head.kind;
    contents.features = head.features;
    contents.scale = head.scale;
    contents.classes = head.classes();
    contents.width = head.width();
    contents.weight = values(head.weight);
    contents.bias = values(head.bias);
    contents.hidden = head.hidden_weight.defined() ? head.hidden_weight.size(0) : 0;
    contents.activation = head.activation;
    contents.hidden_weight = values(head.hidden_weight);
    contents.hidden_bias = values(head.hidden_bias);
    contents.class_names = head.class_names;
    contents.base_hash = head.base_hash;
    contents.dataset_hash = head.dataset_hash;
    contents.about = about;
    write_head(path, contents);
}

Head load_head(const std::filesystem::path& path, const std::string& expected_base) {
    const HeadContents contents = read_head(path);
    if (!expected_base.empty() && contents.base_hash != expected_base) {
        fail<StorageError>(
            "{}: this head was made on base {}, here base {} is used (its directions mean nothing "
            "there); make it again with a job of kind 'head'",
            path.string(), contents.base_hash, expected_base);
    }
    const auto tensor = [](const std::vector<float>& values, const std::vector<std::int64_t>& shape) {
        return values.empty() ? at::Tensor() : torch::tensor(values).view(shape);
    };
    Head head;
    head.kind = contents.kind;
    head.features = contents.features;
    head.weight = tensor(contents.weight, {contents.classes, contents.inner()});
    head.bias = tensor(contents.bias, {contents.classes});
    head.scale = contents.scale;
    head.activation = contents.activation;
    head.hidden_weight = tensor(contents.hidden_weight, {contents.hidden, contents.width});
    head.hidden_bias = tensor(contents.hidden_bias, {contents.hidden});
    head.class_names = contents.class_names;
    head.base_hash = contents.base_hash;
    head.dataset_hash = contents.dataset_hash;
    head.hash = content_hash_of(path.string());
    return head;
}

}  // namespace vtvc
