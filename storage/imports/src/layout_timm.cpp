// timm's VisionTransformer: pre-norm, q, k and v fused, norms called norm1 and norm2.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "blocks.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"patch_embed.proj.weight", "conv1.weight"},
    Rule{"patch_embed.proj.bias", "conv1.bias"},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm_pre.weight", "ln_pre.weight"},
    Rule{"norm_pre.bias", "ln_pre.bias"},
    Rule{VTVC_FROM "norm1.weight", VTVC_TO "ln_1.weight"},
    Rule{VTVC_FROM "norm1.bias", VTVC_TO "ln_1.bias"},
    Rule{VTVC_FROM "attn.qkv.weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attn.qkv.bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attn.proj.weight", VTVC_TO "attn.out_proj.weight"},
    Rule{VTVC_FROM "attn.proj.bias", VTVC_TO "attn.out_proj.bias"},
    Rule{VTVC_FROM "norm2.weight", VTVC_TO "ln_2.weight"},
    Rule{VTVC_FROM "norm2.bias", VTVC_TO "ln_2.bias"},
    Rule{VTVC_FROM "mlp.fc1.weight", VTVC_TO "mlp.c_fc.weight"},
    Rule{VTVC_FROM "mlp.fc1.bias", VTVC_TO "mlp.c_fc.bias"},
    Rule{VTVC_FROM "mlp.fc2.weight", VTVC_TO "mlp.c_proj.weight"},
    Rule{VTVC_FROM "mlp.fc2.bias", VTVC_TO "mlp.c_proj.bias"},
    Rule{"norm.weight", "ln_post.weight"},
    Rule{"norm.bias", "ln_post.bias"},
    Rule{"fc_norm.weight", "ln_post.weight"},
    Rule{"fc_norm.bias", "ln_post.bias"},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"head.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout timm_layout{"timm", "blocks.{i}.attn.qkv.weight", rules, skips, ""};

}  // namespace vtvc
