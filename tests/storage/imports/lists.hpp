#pragma once
// Lists of names and shapes as other projects have them, small but complete.
#include <fmt/format.h>

#include <string>
#include <vector>

#include "../support.hpp"
#include "vtvc/foreign/checkpoint.hpp"
#include "vtvc/imports/mapping.hpp"

namespace vtvc::test {

/// Sizes of the networks below: width 8, 2 layers, MLP 16, patches of 4 in an image of 8, output 6.
inline ForeignTensor tensor(std::string name, std::vector<std::int64_t> shape,
                            ForeignType type = ForeignType::f32) {
    return {std::move(name), type, std::move(shape)};
}

inline void add_pair(std::vector<ForeignTensor>& list, const std::string& name,
                     std::vector<std::int64_t> shape, char separator = '.') {
    list.push_back(tensor(fmt::format("{}{}weight", name, separator), shape));
    list.push_back(tensor(fmt::format("{}{}bias", name, separator), {shape[0]}));
}

inline std::vector<ForeignTensor> open_clip_list(const std::string& prefix) {
    std::vector<ForeignTensor> list{
        tensor(prefix + "conv1.weight", {8, 3, 4, 4}), tensor(prefix + "class_embedding", {8}),
        tensor(prefix + "positional_embedding", {5, 8}), tensor(prefix + "proj", {8, 6})};
    add_pair(list, prefix + "ln_pre", {8});
    add_pair(list, prefix + "ln_post", {8});
    for (int layer = 0; layer < 2; ++layer) {
        const auto block = fmt::format("{}transformer.resblocks.{}.", prefix, layer);
        add_pair(list, block + "ln_1", {8});
        add_pair(list, block + "attn.in_proj", {24, 8}, '_');
        add_pair(list, block + "attn.out_proj", {8, 8});
        add_pair(list, block + "ln_2", {8});
        add_pair(list, block + "mlp.c_fc", {16, 8});
        add_pair(list, block + "mlp.c_proj", {8, 16});
    }
    return list;
}

/// The text tower's tensors that an ImageEncoder keeps.
inline void add_leftovers(std::vector<ForeignTensor>& list, const std::string& prefix) {
    list.push_back(tensor(prefix + "positional_embedding", {77, 4}));
    list.push_back(tensor(prefix + "text_projection", {4, 6}));
    list.push_back(tensor(prefix + "logit_scale", {}));
    list.push_back(tensor(prefix + "token_embedding.weight", {50, 4}));
    add_pair(list, prefix + "ln_final", {4});
}

inline std::vector<ForeignTensor> hugging_face_list(const std::string& prefix) {
    std::vector<ForeignTensor> list{tensor(prefix + "embeddings.patch_embedding.weight", {8, 3, 4, 4}),
                                    tensor(prefix + "embeddings.class_embedding", {8}),
                                    tensor(prefix + "embeddings.position_embedding.weight", {5, 8}),
                                    tensor(prefix + "embeddings.position_ids", {1, 5}, ForeignType::i64)};
    add_pair(list, prefix + "pre_layrnorm", {8});
    add_pair(list, prefix + "post_layernorm", {8});
    for (int layer = 0; layer < 2; ++layer) {
        const auto block = fmt::format("{}encoder.layers.{}.", prefix, layer);
        for (const char* part : {"q_proj", "k_proj", "v_proj", "out_proj"})
            add_pair(list, block + "self_attn." + part, {8, 8});
        add_pair(list, block + "layer_norm1", {8});
        add_pair(list, block + "layer_norm2", {8});
        add_pair(list, block + "mlp.fc1", {16, 8});
        add_pair(list, block + "mlp.fc2", {8, 16});
    }
    return list;
}

/// The message of what the call refuses; empty, and a failure, when it refuses nothing.
template <class Call>
std::string refusal(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.what();
    }
    ADD_FAILURE() << "nothing was refused";
    return {};
}

}  // namespace vtvc::test
