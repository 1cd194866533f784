// open_clip's visual tower, and everything built on it: task_vectors, aTLAS and tall_masks (ImageEncoder
// holds it as model.visual), merge-and-rebase (clip_model.model.visual, also with q, k and v apart).
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_BLOCK "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"conv1.", "conv1."},
    Rule{"class_embedding", "class_embedding"},
    Rule{"positional_embedding", "positional_embedding"},
    Rule{"ln_pre.", "ln_pre."},
    Rule{VTVC_BLOCK "ln_1.", VTVC_BLOCK "ln_1."},
    Rule{VTVC_BLOCK "attn.in_proj_weight", VTVC_BLOCK "attn.in_proj_weight"},
    Rule{VTVC_BLOCK "attn.in_proj_bias", VTVC_BLOCK "attn.in_proj_bias"},
    Rule{VTVC_BLOCK "attn.q_proj.weight", VTVC_BLOCK "attn.in_proj_weight", Part::query},
    Rule{VTVC_BLOCK "attn.k_proj.weight", VTVC_BLOCK "attn.in_proj_weight", Part::key},
    Rule{VTVC_BLOCK "attn.v_proj.weight", VTVC_BLOCK "attn.in_proj_weight", Part::value},
    Rule{VTVC_BLOCK "attn.q_proj.bias", VTVC_BLOCK "attn.in_proj_bias", Part::query},
    Rule{VTVC_BLOCK "attn.k_proj.bias", VTVC_BLOCK "attn.in_proj_bias", Part::key},
    Rule{VTVC_BLOCK "attn.v_proj.bias", VTVC_BLOCK "attn.in_proj_bias", Part::value},
    Rule{VTVC_BLOCK "attn.q_proj_weight", VTVC_BLOCK "attn.in_proj_weight", Part::query},
    Rule{VTVC_BLOCK "attn.k_proj_weight", VTVC_BLOCK "attn.in_proj_weight", Part::key},
    Rule{VTVC_BLOCK "attn.v_proj_weight", VTVC_BLOCK "attn.in_proj_weight", Part::value},
    Rule{VTVC_BLOCK "attn.out_proj.", VTVC_BLOCK "attn.out_proj."},
    Rule{VTVC_BLOCK "ln_2.", VTVC_BLOCK "ln_2."},
    Rule{VTVC_BLOCK "mlp.c_fc.", VTVC_BLOCK "mlp.c_fc."},
    Rule{VTVC_BLOCK "mlp.c_proj.", VTVC_BLOCK "mlp.c_proj."},
    Rule{"ln_post.", "ln_post."},
    Rule{"proj", "proj"},
};
constexpr std::string_view text = "of the text tower";
constexpr std::array skips{
    SkipRule{"^transformer.resblocks.*", text},
    SkipRule{"^positional_embedding", text},
    SkipRule{"^text_projection", text},
    SkipRule{"^text_projection.*", text},
    SkipRule{"^token_embedding.weight", text},
    SkipRule{"^ln_final.*", text},
    SkipRule{"^text.*", text},
    SkipRule{"^logit_scale", "the head's scale (vtvc head import)"},
    SkipRule{"^logit_bias", "the head's bias"},
    SkipRule{"^attn_mask", text},
};
#undef VTVC_BLOCK

}  // namespace

const Layout open_clip_layout{"open_clip", "conv1.weight", rules, skips, ""};

}  // namespace vtvc
