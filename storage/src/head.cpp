#include "vtvc/storage/head.hpp"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "vtvc/core/error.hpp"
#include "vtvc/core/jobs.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::json;
using Shape = std::vector<std::int64_t>;

template <class E>
E named(const Json& meta, const char* key, E otherwise, const std::string& path) {
    const auto found = meta.find(key);
    if (found == meta.end()) return otherwise;
    const auto name = found->get<std::string>();
    const auto& names = EnumNames<E>::names;
    const auto at = std::find(names.begin(), names.end(), name);
    if (at == names.end())
        fail<StorageError>("{}: its {} is '{}' (this program knows {}); use a newer vtvc", path, key, name,
                           fmt::join(names, ", "));
    return static_cast<E>(at - names.begin());
}

void expect_values(const std::string& where, const char* name, const std::vector<float>& values,
                   const Shape& shape) {
    std::int64_t count = 1;
    for (const auto extent : shape) count *= extent;
    if (static_cast<std::int64_t>(values.size()) != count)
        fail<StorageError>("{}: the head's {} has {} values, its shape {} asks for {}", where, name,
                           values.size(), fmt::join(shape, "×"), count);
    const auto bad = std::find_if(values.begin(), values.end(), [](float v) { return !std::isfinite(v); });
    if (bad != values.end())
        fail<StorageError>("{}: the head's {} has {} at element {} (no sample could be classified)", where,
                           name, *bad, bad - values.begin());
}

void check(const std::string& where, const HeadContents& head) {
    if (head.classes < 2 || head.width < 1 || head.hidden < 0)
        fail<StorageError>(
            "{}: a head of {} classes on {} features with {} hidden units cannot be; it needs two classes "
            "and "
            "one feature at least",
            where, head.classes, head.width, head.hidden);
    if ((head.kind == HeadKind::mlp) != (head.hidden > 0))
        fail<StorageError>("{}: a head of kind {} with {} hidden units (mlp has them, no other kind does)",
                           where, name_of(head.kind), head.hidden);
    if (!(std::isfinite(head.scale) && head.scale > 0))
        fail<StorageError>("{}: the head's scale is {}; logits need a positive factor", where, head.scale);
    if (head.base_hash.empty())
        fail<StorageError>(
            "{}: the head names no base (its directions mean nothing on another base's features)", where);
    if (!head.class_names.empty() && static_cast<std::int64_t>(head.class_names.size()) != head.classes)
        fail<StorageError>("{}: {} class names for a head of {} classes", where, head.class_names.size(),
                           head.classes);
    expect_values(where, "weight", head.weight, {head.classes, head.inner()});
    if (!head.bias.empty()) expect_values(where, "bias", head.bias, {head.classes});
    if (head.hidden > 0) {
        expect_values(where, "hidden_weight", head.hidden_weight, {head.hidden, head.width});
        expect_values(where, "hidden_bias", head.hidden_bias, {head.hidden});
    }
}

}  // namespace

void write_head(const std::filesystem::path& path, const HeadContents& head) {
    check(path.string(), head);
    TensorFile file;
    file.kind = "head";
    Json meta{{"head", name_of(head.kind)},
              {"features", name_of(head.features)},
              {"scale", head.scale},
              {"base_hash", head.base_hash},
              {"dataset_hash", head.dataset_hash},
              {"about", Json::parse(head.about)}};
    if (!head.class_names.empty()) meta["class_names"] = head.class_names;
    const auto put = [&](const char* name, const std::vector<float>& values, Shape shape) {
        file.tensors[name] = HostTensor::of<float>(std::move(shape), values);
    };
    put("weight", head.weight, {head.classes, head.inner()});
    if (!head.bias.empty()) put("bias", head.bias, {head.classes});
    if (head.hidden > 0) {
        meta["activation"] = name_of(head.activation);
        put("hidden_weight", head.hidden_weight, {head.hidden, head.width});
        put("hidden_bias", head.hidden_bias, {head.hidden});
    }
    file.meta = meta.dump();
    file.write(path);
}

HeadContents read_head(const std::filesystem::path& path) {
    const std::string where = path.string();
    const TensorFile file = TensorFile::read(path, "head");
    const Json meta = Json::parse(file.meta, nullptr, false);
    if (!meta.is_object()) fail<StorageError>("{}: its description is not a JSON object", where);
    HeadContents head;
    try {
        head.kind = named(meta, "head", HeadKind::prototype, where);
        head.features = named(meta, "features", FeatureForm::normalised, where);
        head.activation = named(meta, "activation", Activation::gelu, where);
        head.scale = meta.value("scale", 1.0);
        head.base_hash = meta.value("base_hash", "");
        head.dataset_hash = meta.value("dataset_hash", "");
        head.class_names = meta.value("class_names", std::vector<std::string>{});
        head.about = meta.value("about", Json::object()).dump();
    } catch (const Json::exception& error) {
        fail<StorageError>("{}: its description cannot be read ({}); was it written by vtvc?", where,
                           error.what());
    }
    const auto take = [&](const char* name, std::size_t rank) -> const HostTensor* {
        const auto found = file.tensors.find(name);
        if (found == file.tensors.end()) return nullptr;
        if (found->second.shape.size() != rank)
            fail<StorageError>("{}: its {} has shape {}, {} dimensions are needed", where, name,
                               fmt::join(found->second.shape, "×"), rank);
        return &found->second;
    };
    const auto values = [](const HostTensor& tensor) {
        const auto span = tensor.as<float>();
        return std::vector<float>(span.begin(), span.end());
    };
    const HostTensor* weight = take("weight", 2);
    if (weight == nullptr) fail<StorageError>("{}: no weight [classes, features] in it", where);
    head.classes = weight->shape[0];
    head.width = weight->shape[1];
    head.weight = values(*weight);
    if (const HostTensor* bias = take("bias", 1)) head.bias = values(*bias);
    if (const HostTensor* hidden = take("hidden_weight", 2)) {
        head.hidden = hidden->shape[0];
        head.width = hidden->shape[1];
        head.hidden_weight = values(*hidden);
        if (const HostTensor* bias = take("hidden_bias", 1)) head.hidden_bias = values(*bias);
    }
    check(where, head);
    return head;
}

}  // namespace vtvc
