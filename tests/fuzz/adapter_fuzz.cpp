// PEFT's LoRA folders: a configuration and factors of any names, shapes and numbers, for a base of CLIP's
// structure.
#include "adapter.hpp"
#include "own_samples.hpp"
#include "requests.hpp"
#include "vtvc/storage/model.hpp"
#include "weights_file.hpp"

namespace vtvc::fuzz {
namespace {

std::size_t elements_of(const Block& block) {
    std::size_t elements = 1;
    for (const auto size : block.shape) elements *= static_cast<std::size_t>(size);
    return elements;
}

void write_seeds() {
    write_seeds_if_asked([](auto put) {
        const std::string tower = "base_model.model.vision_model.encoder.layers.0.",
                          open = "visual.transformer.resblocks.0.";
        const std::string plain = R"({"peft_type":"LORA","lora_alpha":2,"r":1})";
        const auto seed = [&](const std::string& name, const std::string& config,
                              const std::vector<Weight>& weights) {
            PieceWriter out;
            out.text(config);
            describe_weights(out, weights);
            put(name, out.bytes());
        };
        const std::vector<Weight> attention{{tower + "self_attn.q_proj.lora_A.weight", {1, 4}},
                                            {tower + "self_attn.q_proj.lora_B.weight", {4, 1}},
                                            {tower + "self_attn.v_proj.lora_A.default.weight", {2, 4}},
                                            {tower + "self_attn.v_proj.lora_B.default.weight", {4, 2}}};
        seed("attention", plain, attention);
        seed("stabilised",
             R"({"lora_alpha":2.5,"use_rslora":true,"alpha_pattern":{"q_proj":4,"layers\\.0\\..*v_proj":1}})",
             attention);
        seed("dense", plain,
             {{open + "mlp.c_fc.lora_A.weight", {1, 4}},
              {open + "mlp.c_fc.lora_B.weight", {4, 1}},
              {open + "mlp.c_fc.base_layer.bias", {4}},
              {open + "ln_1.weight", {4}}});
        seed("projection", plain,
             {{"base_model.model.visual_projection.lora_A.weight", {1, 4}},
              {"base_model.model.visual_projection.lora_B.weight", {2, 1}},
              {tower + "mlp.fc1.bias", {4}}});
        seed("replaced projection", plain,
             {{"base_model.model.visual_projection.weight", {2, 4}},
              {tower + "mlp.fc1.lora_A.weight", {1, 4}},
              {tower + "mlp.fc1.lora_B.weight", {4, 1}}});
        seed("dora", R"({"lora_alpha":2,"use_dora":true})", {});
        seed("other", R"({"peft_type":"IA3"})", {});
    });
}

void read(Pieces pieces, const Scratch& scratch) {
    static const auto blocks = model_blocks(Samples::only().keys());
    scratch.put("adapter_config.json", pieces.text());
    scratch.put("adapter_model.safetensors", weights_file(pieces));
    if (!Adapter::is_one(scratch.path()) || !Adapter::is_one(scratch / "adapter_model.safetensors"))
        std::abort();
    const auto adapter = Adapter::open(scratch.path(), {}, blocks);
    for (const auto& block : blocks) {
        for (const auto& part : adapter.factors(block)) {
            const auto rows = block.shape.empty() ? 1 : block.shape[0];
            const auto columns =
                static_cast<std::size_t>(elements_of(block)) / static_cast<std::size_t>(rows);
            if (part.first_row < 0 || part.first_row + part.rows > rows ||
                part.left.size() != static_cast<std::size_t>(part.rows * part.rank) ||
                part.right.size() != static_cast<std::size_t>(part.rank) * columns)
                std::abort();
        }
        if (!adapter.replaces(block.name)) continue;
        std::vector<float> values(elements_of(block));
        adapter.replace(block, values);
    }
    (void)adapter.content_hash();
    (void)adapter.description();
}

}  // namespace
}  // namespace vtvc::fuzz

VTVC_FUZZ_REQUESTS(read);
