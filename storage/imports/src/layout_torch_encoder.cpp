// Networks around torch.nn.TransformerEncoder: its layers are called linear1, linear2, norm1, norm2. The norm
// of a head that is a norm and a linear layer (mlp_head.0) belongs to the network: features are read after
// it.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "transformer.layers.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"patch_embed.proj.", "conv1."},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm.", "ln_post."},
    Rule{"mlp_head.0.", "ln_post."},
    Rule{VTVC_FROM "self_attn.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "self_attn.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "self_attn.out_proj.", VTVC_TO "attn.out_proj."},
    Rule{VTVC_FROM "linear1.", VTVC_TO "mlp.c_fc."},
    Rule{VTVC_FROM "linear2.", VTVC_TO "mlp.c_proj."},
    Rule{VTVC_FROM "norm1.", VTVC_TO "ln_1."},
    Rule{VTVC_FROM "norm2.", VTVC_TO "ln_2."},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"mlp_head.1.*", "a classifier (vtvc head import)"},
                           SkipRule{"head.*", "a classifier (vtvc head import)"},
                           SkipRule{"fc.*", "a classifier (vtvc head import)"},
                           SkipRule{"classifier.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout torch_encoder_layout{"torch TransformerEncoder",
                                  "transformer.layers.{i}.self_attn.in_proj_weight", rules, skips, ""};

}  // namespace vtvc
