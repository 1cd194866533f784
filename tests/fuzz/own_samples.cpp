#include "own_samples.hpp"

#include <array>
#include <map>
#include <nlohmann/json.hpp>

#include "origin.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/head.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/predictions.hpp"

namespace vtvc::fuzz {

using Json = nlohmann::ordered_json;
using Floats = std::vector<float>;

const char* name_of(OwnKind kind) {
    static constexpr std::array<const char*, kOwnKinds> names{"dataset", "features", "bank",   "predictions",
                                                              "model",   "head",     "method", "checkpoint"};
    return names.at(static_cast<std::size_t>(kind));
}

const Samples& Samples::only() {
    static const Samples samples;
    return samples;
}

std::filesystem::path Samples::add(const std::string& name, OwnKind kind) {
    files_.push_back({name, kind, folder_ / (name + ".h5")});
    return files_.back().path;
}

Samples::Samples() {
    keys_.image = 4;
    keys_.patch = 2;
    keys_.width = keys_.mlp = 4;
    keys_.output = 2;
    keys_.heads = 1;
    keys_.depth = 1;
    add_data();
    add_network();
    add_rest();
}

void Samples::add_data() {
    DatasetContents data;
    data.name = "shapes";
    data.height = data.width = 2;
    data.class_names = {"a", "b"};
    data.group_names = {"g", "h", "i"};
    data.subdomain_names = {"s"};
    data.origin = "made for fuzzing";
    std::int64_t id = 0;
    for (auto [part, group] : {std::pair{&data.train, 0}, {&data.validation, 1}, {&data.test, 2}})
        for (int row = 0; row < 3; ++row) {
            part->ids.push_back(id++);
            part->labels.push_back(row % 2);
            part->groups.push_back(group);
            part->subdomains.push_back(row % 2 - 1);
            part->images.insert(part->images.end(), 4, static_cast<std::uint8_t>(id));
        }
    write_dataset(add("dataset", OwnKind::dataset), data);

    const auto rows = [](std::int64_t count) {
        FeatureRows made{count, 2, Floats(static_cast<std::size_t>(2 * count), .5F), {}};
        for (std::int64_t i = 0; i < count; ++i) made.ids.push_back(i);
        return made;
    };
    write_features(add("features", OwnKind::features), {"d", "m", rows(2), rows(0), rows(3)});
}

void Samples::add_network() {
    const auto blocks = model_blocks(keys_);
    std::vector<std::pair<std::string, std::vector<std::int64_t>>> shapes;
    TensorFile model;
    model.kind = "model";
    for (const auto& block : blocks) {
        shapes.emplace_back(block.name, block.shape);
        model.tensors[block.name] =
            HostTensor::of<float>(block.shape, Floats(static_cast<std::size_t>(block.elements()), .25F));
    }
    model.meta =
        Json{{"model", Json::parse(model_meta(keys_))}, {"origin", Json::parse(to_json(own_origin(shapes)))}}
            .dump();
    model.write(add("model", OwnKind::model));
    model.tensors.erase(std::next(model.tensors.begin(), 2), model.tensors.end());
    model.meta = Json{{"model", Json::parse(model_meta(keys_))}}.dump();
    model.write(add("model_small", OwnKind::model));

    // A bank of few blocks: every storage kind, factors on rows, numbers kept exactly.
    BankPlan plan{"base-hash", model_meta(keys_), R"({"base":{}})", {}, {}};
    plan.blocks = {
        {"ln_pre.weight", {2}}, {"transformer.resblocks.0.mlp.c_fc.weight", {8, 8}}, {"scalar", {}}};
    plan.tasks = {{"exact", "h1", {}},
                  {"half", "h2", {StorageKind::bf16, 0}},
                  {"bytes", "h3", {StorageKind::int8, 0}},
                  {"low", "", {StorageKind::low_rank, 1}},
                  {"lora", "h4", {}}};
    BankWriter writer(add("bank", OwnKind::bank), plan);
    for (std::int64_t j = 0; j < 3; ++j) {
        const Floats values(static_cast<std::size_t>(plan.blocks[static_cast<std::size_t>(j)].elements()),
                            .5F);
        writer.put_base(j, values);
        for (std::int64_t k = 0; k < 4; ++k) writer.put_task(j, k, values);
        const Factors part{2, 4, 1, Floats(4, .5F), Floats(8, .25F)};
        if (j == 1) writer.put_factors(j, 4, std::vector{part, part});
        if (j != 1) writer.put_factors(j, 4, {});
        if (j == 1) writer.put_exact(j, 0, std::vector<std::int32_t>{1, 3}, Floats{1, 2});
    }
    writer.finish();
    bank_.emplace(Bank::open(files_.back().path));
}

void Samples::add_rest() {
    PredictionsContents predictions;
    predictions.meta = R"({"partition":"model"})";
    predictions.task_names = {"exact", "half"};
    predictions.coefficient_names = {"all"};
    PredictionSet full;
    full.dataset = "one";
    full.mode = "mean";
    full.rows = full.classes = full.tasks = 2;
    full.coefficients = full.gate_rows = 1;
    full.ids = {7, 9};
    full.labels = {1, 0};
    full.subdomains = {0, -1};
    full.probabilities = {.25F, .75F, .5F, .5F};
    full.epistemic = {.125F, 0};
    full.coefficient_values = full.inclusion = {1, 2, 3, 4};
    full.mean = full.uncertainty = {1, 0};
    predictions.sets = {full};
    write_predictions(add("predictions", OwnKind::predictions), predictions);

    HeadContents head;
    head.classes = head.width = 2;
    head.weight = {1, 0, 0, 1};
    head.base_hash = "base-hash";
    head.class_names = {"a", "b"};
    write_head(add("head", OwnKind::head), head);
    head.kind = HeadKind::mlp;
    head.features = FeatureForm::plain;
    head.hidden = 2;
    head.hidden_weight = head.weight;
    head.hidden_bias = head.bias = {0, 1};
    write_head(add("head_mlp", OwnKind::head), head);

    const auto bank_tasks = std::vector<std::string>{"exact", "low"};
    TensorFile method;
    method.kind = "method";
    for (const std::int64_t sets : {1, 2}) {
        method.meta = Json{{"family", "fixed"},          {"method", "atlas"},
                           {"bank_hash", bank_->hash()}, {"partition", "tensor"},
                           {"task_names", bank_tasks},   {"datasets", {{{"name", "one"}}, {{"name", "two"}}}}}
                          .dump();
        method.tensors["z"] =
            HostTensor::of<float>({sets, 2, 3}, Floats(static_cast<std::size_t>(sets * 6), .5F));
        method.write(add(sets == 1 ? "method" : "method_two", OwnKind::method));
    }

    TensorFile state;
    state.kind = "checkpoint";
    state.meta = R"({"step":3,"epoch":1})";
    state.tensors["state/step"] = HostTensor::of<std::int64_t>({}, std::vector<std::int64_t>{42});
    state.tensors["state/bytes"] = HostTensor::of<std::uint8_t>({2}, std::vector<std::uint8_t>{0, 255});
    state.tensors["real"] = HostTensor::of<double>({1, 1}, std::vector<double>{-.5});
    state.tensors["empty"] = HostTensor::of<std::int32_t>({0, 4}, std::vector<std::int32_t>{});
    state.write(add("checkpoint", OwnKind::checkpoint));
}

}  // namespace vtvc::fuzz
