// Heads of other projects: tensors of any names, shapes and numbers, read as a classifier on a base's
// features.
#include "own_samples.hpp"
#include "requests.hpp"
#include "vtvc/imports/import.hpp"
#include "weights_file.hpp"

namespace vtvc::fuzz {
namespace {

void write_seeds() {
    write_seeds_if_asked([](auto put) {
        int count = 0;
        const auto seed = [&](std::uint8_t options, const std::string& name,
                              const std::vector<Weight>& weights) {
            PieceWriter out;
            out.number(options).text(name);
            describe_weights(out, weights);
            put("head" + std::to_string(count++), out.bytes());
        };
        seed(0, "", {{"text_embeds", {3, 2}}, {"logit_scale", {}}});
        seed(0, "", {{"prototypes", {2, 2}}, {"scale", {1}}});
        seed(1, "", {{"weight", {3, 2}}, {"bias", {3}}});
        seed(2, "",
             {{"state_dict.mlp.fc2.weight", {3, 4}},
              {"state_dict.mlp.fc2.bias", {3}},
              {"state_dict.mlp.fc1.weight", {4, 2}},
              {"state_dict.mlp.fc1.bias", {4}}});
        seed(2, "", {{"mlp.fc2.weight", {3, 4}}, {"mlp.fc1.weight", {4, 2}}});
        seed(0, "", {{"classifier.weight", {3, 2}}, {"classifier.bias", {3}}, {"encoder.weight", {2, 2}}});
        seed(4, "own", {{"own", {2, 2}}, {"other", {5, 5}}});
        seed(8, "", {{"head.weight", {2, 2}}});
    });
}

void import(Pieces pieces, const Scratch& scratch) {
    const auto& samples = Samples::only();
    static const auto base = std::find_if(samples.files().begin(), samples.files().end(),
                                          [](const auto& sample) { return sample.kind == OwnKind::model; });
    HeadImport what;
    what.checkpoint = scratch / "head.safetensors";
    what.base = base->path;
    what.out = scratch / "head.h5";
    const auto options = pieces.number();
    what.weight = pieces.text();
    if (options % 2 == 1) what.features = FeatureForm::normalised;
    if (options % 4 >= 2) what.activation = Activation::relu;
    if (options % 8 >= 4) what.scale = 10;
    if (options % 16 >= 8) what.class_names = {"a", "b"};
    scratch.put("head.safetensors", weights_file(pieces));
    const auto report = import_head(what);
    if (report.head.classes < 2 || report.head.width != samples.keys().output) std::abort();
}

}  // namespace
}  // namespace vtvc::fuzz

VTVC_FUZZ_REQUESTS(import);
