// CLIPVisionModel, CLIPVisionModelWithProjection and CLIPModel of transformers. Until version 4 the names of
// a CLIPVisionModel start with vision_model., since 5 they do not; both unwrap to the same.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "encoder.layers.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"embeddings.patch_embedding.weight", "conv1.weight"},
    Rule{"embeddings.class_embedding", "class_embedding"},
    Rule{"embeddings.position_embedding.weight", "positional_embedding"},
    Rule{"pre_layrnorm.", "ln_pre."},
    Rule{VTVC_FROM "layer_norm1.", VTVC_TO "ln_1."},
    Rule{VTVC_FROM "self_attn.q_proj.weight", VTVC_TO "attn.in_proj_weight", Part::query},
    Rule{VTVC_FROM "self_attn.k_proj.weight", VTVC_TO "attn.in_proj_weight", Part::key},
    Rule{VTVC_FROM "self_attn.v_proj.weight", VTVC_TO "attn.in_proj_weight", Part::value},
    Rule{VTVC_FROM "self_attn.q_proj.bias", VTVC_TO "attn.in_proj_bias", Part::query},
    Rule{VTVC_FROM "self_attn.k_proj.bias", VTVC_TO "attn.in_proj_bias", Part::key},
    Rule{VTVC_FROM "self_attn.v_proj.bias", VTVC_TO "attn.in_proj_bias", Part::value},
    Rule{VTVC_FROM "self_attn.out_proj.", VTVC_TO "attn.out_proj."},
    Rule{VTVC_FROM "layer_norm2.", VTVC_TO "ln_2."},
    Rule{VTVC_FROM "mlp.fc1.", VTVC_TO "mlp.c_fc."},
    Rule{VTVC_FROM "mlp.fc2.", VTVC_TO "mlp.c_proj."},
    Rule{"post_layernorm.", "ln_post."},
    Rule{"^visual_projection.weight", "proj", Part::whole, Orientation::transposed},
    Rule{"visual_projection.weight", "proj", Part::whole, Orientation::transposed},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::string_view text = "of the text tower";
constexpr std::array skips{
    SkipRule{"^text_model.*", text},
    SkipRule{"^text_projection.*", text},
    SkipRule{"^logit_scale", "the head's scale (vtvc head import)"},
    SkipRule{"^classifier.*", "a classifier (vtvc head import)"},
};

}  // namespace

const Layout hugging_face_layout{"Hugging Face CLIP", "embeddings.patch_embedding.weight", rules, skips, ""};

}  // namespace vtvc
