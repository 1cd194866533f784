// Heads of other projects: ClassificationHead pickles, class text embeddings with a logit scale, prototypes,
// the classifiers at the end of trained networks.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>

#include "head_source.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/imports/import.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {

namespace {

using Json = nlohmann::ordered_json;

/// What a tensor's name says of a head. hidden: the layer before it, beside it under this name.
struct Known {
    std::string_view name;
    HeadKind kind;
    std::string_view hidden;
};
constexpr std::array known_names{
    Known{"text_embeds", HeadKind::text, ""},
    Known{"text_embeddings", HeadKind::text, ""},
    Known{"text_features", HeadKind::text, ""},
    Known{"class_embeddings", HeadKind::text, ""},
    Known{"prototypes", HeadKind::prototype, ""},
    Known{"classification_head.weight", HeadKind::text, ""},
    Known{"mlp.fc2.weight", HeadKind::mlp, "mlp.fc1.weight"},
    Known{"mlp_head.1.weight", HeadKind::linear, ""},
    Known{"classifier.weight", HeadKind::linear, ""},
    Known{"head.weight", HeadKind::linear, ""},
    Known{"fc.weight", HeadKind::linear, ""},
    Known{"weight", HeadKind::text, ""},
};

/// "state_dict.head.weight" is "head.weight" behind wrappers; inside a numbered block it is another thing.
bool is_named(std::string_view name, std::string_view known) {
    if (!name.ends_with(known)) return false;
    const auto before = name.substr(0, name.size() - known.size());
    return before.empty() ||
           (before.ends_with('.') &&
            std::none_of(before.begin(), before.end(), [](unsigned char c) { return std::isdigit(c) != 0; }));
}

std::string sibling(const std::string& name, std::string_view own, std::string_view other) {
    return name.substr(0, name.size() - own.size()) + std::string(other);
}

struct Choice {
    std::string weight, bias, hidden;
    HeadKind kind = HeadKind::linear;
    bool bare = true;  ///< embeddings, rather than a layer with its own scale
};

Choice choose(const HeadSource& source, const HeadImport& what) {
    Choice choice;
    if (!what.weight.empty()) {
        if (source.find(what.weight) == nullptr)
            fail<StorageError>("{}: has no tensor '{}'; it has {}", source.path(), what.weight,
                               source.matrices());
        choice.weight = what.weight;
        choice.bare = !what.weight.ends_with("weight");
        choice.kind = choice.bare ? HeadKind::text : HeadKind::linear;
    } else {
        for (const auto& known : known_names) {
            for (const auto& tensor : source.tensors()) {
                if (tensor.shape.size() != 2 || !is_named(tensor.name, known.name)) continue;
                if (known.name == "weight" && tensor.name != "weight") continue;
                choice.weight = tensor.name;
                choice.kind = known.kind;
                choice.bare = !tensor.name.ends_with("weight");
                if (!known.hidden.empty()) choice.hidden = sibling(tensor.name, known.name, known.hidden);
                break;
            }
            if (!choice.weight.empty()) break;
        }
        if (choice.weight.empty())
            fail<StorageError>(
                "{}: none of its tensors is known as a head's [classes, features]; say which with "
                "--weight NAME ({})",
                source.path(), source.matrices());
    }
    if (choice.weight.ends_with("weight")) choice.bias = sibling(choice.weight, "weight", "bias");
    if (source.find(choice.bias) == nullptr) choice.bias.clear();
    if (!choice.hidden.empty() && source.find(choice.hidden) == nullptr) {
        choice.hidden.clear();
        choice.kind = HeadKind::linear;
    }
    if (what.kind) choice.kind = *what.kind;
    return choice;
}

std::optional<std::string> note(const HeadSource& source, std::string_view name) {
    for (const auto& [key, value] : source.notes())
        if (key == name || (key.ends_with(name) && key[key.size() - name.size() - 1] == '.')) return value;
    return std::nullopt;
}

/// A number under one of our names, as a tensor of one element or a note.
std::optional<double> number(const HeadSource& source, std::string_view name) {
    for (const auto& tensor : source.tensors())
        if (is_named(tensor.name, name) && tensor.elements() == 1) return source.read(tensor.name).front();
    const auto text = note(source, name);
    if (!text) return std::nullopt;
    const auto json = Json::parse(*text, nullptr, false);
    return json.is_number() ? std::optional(json.get<double>()) : std::nullopt;
}

double scale_of(const HeadSource& source, const HeadImport& what) {
    if (what.scale) return *what.scale;
    if (const auto scale = number(source, "scale")) return *scale;
    if (const auto logarithm = number(source, "logit_scale")) {
        // CLIP keeps the logarithm (4.6052 for 100) and never lets the factor exceed 100.
        if (*logarithm > std::log(1000.0))
            fail<StorageError>(
                "{}: logit_scale is {} and CLIP's is a logarithm (4.6052 for 100): is this the factor "
                "itself? Then "
                "call it 'scale' or give --scale",
                source.path(), *logarithm);
        return std::exp(*logarithm);
    }
    fail<ConfigError>(
        "{}: has no 'logit_scale' (CLIP's logarithm) or 'scale' (the factor) beside the embeddings, and "
        "without it "
        "the probabilities mean nothing; give --scale",
        source.path());
}

std::vector<std::string> names_of(const HeadSource& source, const HeadImport& what, std::int64_t classes) {
    auto names = what.class_names;
    std::string from = "given";
    if (names.empty())
        for (const char* key : {"class_names", "classes", "classnames"})
            if (const auto text = note(source, key); text && names.empty()) {
                const auto json = Json::parse(*text, nullptr, false);
                if (!json.is_array()) continue;
                for (const auto& name : json)
                    if (name.is_string()) names.push_back(name.get<std::string>());
                from = "in the file";
            }
    if (!names.empty() && static_cast<std::int64_t>(names.size()) != classes)
        fail<StorageError>("{}: {} class names are {}, the head has {} rows", source.path(), names.size(),
                           from, classes);
    return names;
}

/// Lengths of the rows: the least and the greatest.
std::pair<double, double> lengths(const std::vector<float>& rows, std::int64_t width) {
    double least = INFINITY, most = 0;
    for (std::size_t at = 0; at < rows.size(); at += static_cast<std::size_t>(width)) {
        double square = 0;
        for (std::size_t i = at; i < at + static_cast<std::size_t>(width); ++i)
            square += static_cast<double>(rows[i]) * rows[i];
        least = std::min(least, std::sqrt(square));
        most = std::max(most, std::sqrt(square));
    }
    return {least, most};
}

void normalise_rows(std::vector<float>& rows, std::int64_t width, const std::string& where) {
    for (std::size_t at = 0; at < rows.size(); at += static_cast<std::size_t>(width)) {
        const std::span row(rows.data() + at, static_cast<std::size_t>(width));
        double square = 0;
        for (const float value : row) square += static_cast<double>(value) * value;
        if (!(square > 0))
            fail<StorageError>(
                "{}: row {} of the embeddings is zero or not a number (a class without direction)", where,
                at / static_cast<std::size_t>(width));
        for (float& value : row) value = static_cast<float>(value / std::sqrt(square));
    }
}

void fill_hidden(const HeadSource& source, const HeadImport& what, const Choice& choice, HeadContents& head) {
    const auto& shape = source.find(choice.hidden)->shape;
    if (shape.size() != 2 || shape[0] != head.width)
        fail<StorageError>("{}: hidden layer '{}' of shape {} does not feed '{}', which takes {} values",
                           source.path(), choice.hidden, shape_text(shape), choice.weight, head.width);
    if (!what.activation)
        fail<ConfigError>("{}: the activation between '{}' and '{}' is not in the file; give --activation",
                          source.path(), choice.hidden, choice.weight);
    head.hidden = shape[0];
    head.width = shape[1];
    head.activation = *what.activation;
    head.hidden_weight = source.read(choice.hidden);
    const auto bias = sibling(choice.hidden, "weight", "bias");
    head.hidden_bias = source.find(bias) != nullptr
                           ? source.read(bias)
                           : std::vector<float>(static_cast<std::size_t>(head.hidden), 0.0F);
}

FeatureForm features_of(const HeadSource& source, const HeadImport& what, const Choice& choice) {
    if (what.features) return *what.features;
    if (choice.bare) return FeatureForm::normalised;
    if (const auto flag = note(source, "normalize"))
        return *flag == "true" || *flag == "True" ? FeatureForm::normalised : FeatureForm::plain;
    if (choice.weight != "weight") return FeatureForm::plain;  // a layer of a network says what it does
    fail<ConfigError>(
        "{}: does not say whether features are normalised before '{}' (a state dict of a ClassificationHead "
        "loses "
        "it); give --features normalised or --features plain",
        source.path(), choice.weight);
}

}  // namespace

HeadReport import_head(const HeadImport& what) {
    const auto source = HeadSource::open(what.checkpoint);
    const auto base = TensorFile::read(what.base, "model");
    const auto meta = Json::parse(base.meta, nullptr, false);
    if (!meta.is_object() || !meta.contains("model"))
        fail<StorageError>("{}: does not say its architecture; was it written by vtvc?", what.base.string());
    const auto keys = model_keys(meta["model"].dump());

    const auto choice = choose(source, what);
    HeadReport report{source.path(), source.format(), choice.weight, {}, {}, {}};
    HeadContents head;
    head.kind = choice.kind;
    const auto& shape = source.find(choice.weight)->shape;
    if (shape.size() != 2 || shape[0] < 2)
        fail<StorageError>("{}: '{}' has shape {}, a head is [classes, features] with two classes at least",
                           source.path(), choice.weight, shape_text(shape));
    head.classes = shape[0];
    head.width = shape[1];
    head.weight = source.read(choice.weight);
    if (choice.bare) {
        head.scale = scale_of(source, what);
        const auto [least, most] = lengths(head.weight, head.width);
        if (least < .99999 || most > 1.00001) {  // else they are normalised already and stay bit for bit
            report.notes.push_back(
                fmt::format("rows had lengths {:.3g} to {:.3g} and are normalised", least, most));
            normalise_rows(head.weight, head.width, source.path());
        }
    } else {
        const auto [least, most] = lengths(head.weight, head.width);
        head.scale = what.scale.value_or(1);
        if (head.kind == HeadKind::text)
            report.notes.push_back(
                fmt::format("rows have lengths {:.4g} to {:.4g}: the scale is in them", least, most));
    }
    if (!choice.hidden.empty()) fill_hidden(source, what, choice, head);
    head.features = features_of(source, what, choice);
    if (!choice.bias.empty()) {
        head.bias = source.read(choice.bias);
        if (std::all_of(head.bias.begin(), head.bias.end(), [](float b) { return b == 0; }))
            head.bias.clear();
    }
    if (head.width != keys.output)
        fail<StorageError>("{}: '{}' reads {} features, the base {} gives {}; is it a head of another model?",
                           source.path(), choice.hidden.empty() ? choice.weight : choice.hidden, head.width,
                           what.base.string(), keys.output);
    head.class_names = names_of(source, what, head.classes);
    head.base_hash = content_hash_of(what.base.string());
    head.about = Json{{"imported", source.format()}, {"tensor", choice.weight}}.dump();
    write_head(what.out, head);
    for (const auto& tensor : source.tensors())
        if (tensor.name != choice.weight && tensor.name != choice.bias && tensor.name != choice.hidden &&
            !tensor.name.ends_with("scale") &&
            (choice.hidden.empty() || tensor.name != sibling(choice.hidden, "weight", "bias")))
            report.skipped.push_back({tensor.name, "not of the head"});
    head.weight.clear();
    head.hidden_weight.clear();
    report.head = std::move(head);
    return report;
}

}  // namespace vtvc
