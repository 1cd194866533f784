// timm's VisionTransformer: pre-norm, q, k and v fused, norms called norm1 and norm2.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "blocks.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"patch_embed.proj.", "conv1."},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm_pre.", "ln_pre."},
    Rule{VTVC_FROM "norm1.", VTVC_TO "ln_1."},
    Rule{VTVC_FROM "attn.qkv.weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attn.qkv.bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attn.proj.", VTVC_TO "attn.out_proj."},
    Rule{VTVC_FROM "norm2.", VTVC_TO "ln_2."},
    Rule{VTVC_FROM "mlp.fc1.", VTVC_TO "mlp.c_fc."},
    Rule{VTVC_FROM "mlp.fc2.", VTVC_TO "mlp.c_proj."},
    Rule{"norm.", "ln_post."},
    Rule{"fc_norm.", "ln_post."},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"head.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout timm_layout{"timm", "blocks.{i}.attn.qkv.weight", rules, skips, ""};

}  // namespace vtvc
