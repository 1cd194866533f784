// A list "encoder" of blocks with torch.nn.MultiheadAttention (attn) and a feed-forward part (ffn).
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "encoder.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"patch_embed.proj.", "conv1."},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm.", "ln_post."},
    Rule{VTVC_FROM "attn.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attn.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attn.out_proj.", VTVC_TO "attn.out_proj."},
    Rule{VTVC_FROM "ffn.fc1.", VTVC_TO "mlp.c_fc."},
    Rule{VTVC_FROM "ffn.fc2.", VTVC_TO "mlp.c_proj."},
    Rule{VTVC_FROM "norm1.", VTVC_TO "ln_1."},
    Rule{VTVC_FROM "norm2.", VTVC_TO "ln_2."},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"classifier.*", "a classifier (vtvc head import)"},
                           SkipRule{"head.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout attention_ffn_layout{"encoder of attn and ffn", "encoder.{i}.attn.in_proj_weight", rules, skips,
                                  ""};

}  // namespace vtvc
