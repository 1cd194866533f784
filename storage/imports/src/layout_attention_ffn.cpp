// A list "encoder" of blocks with torch.nn.MultiheadAttention (attn) and a feed-forward part (ffn).
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "encoder.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"patch_embed.proj.weight", "conv1.weight"},
    Rule{"patch_embed.proj.bias", "conv1.bias"},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm.weight", "ln_post.weight"},
    Rule{"norm.bias", "ln_post.bias"},
    Rule{VTVC_FROM "attn.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attn.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attn.out_proj.weight", VTVC_TO "attn.out_proj.weight"},
    Rule{VTVC_FROM "attn.out_proj.bias", VTVC_TO "attn.out_proj.bias"},
    Rule{VTVC_FROM "ffn.fc1.weight", VTVC_TO "mlp.c_fc.weight"},
    Rule{VTVC_FROM "ffn.fc1.bias", VTVC_TO "mlp.c_fc.bias"},
    Rule{VTVC_FROM "ffn.fc2.weight", VTVC_TO "mlp.c_proj.weight"},
    Rule{VTVC_FROM "ffn.fc2.bias", VTVC_TO "mlp.c_proj.bias"},
    Rule{VTVC_FROM "norm1.weight", VTVC_TO "ln_1.weight"},
    Rule{VTVC_FROM "norm1.bias", VTVC_TO "ln_1.bias"},
    Rule{VTVC_FROM "norm2.weight", VTVC_TO "ln_2.weight"},
    Rule{VTVC_FROM "norm2.bias", VTVC_TO "ln_2.bias"},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"classifier.*", "a classifier (vtvc head import)"},
                           SkipRule{"head.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout attention_ffn_layout{"encoder of attn and ffn", "encoder.{i}.attn.in_proj_weight", rules, skips,
                                  ""};

}  // namespace vtvc
