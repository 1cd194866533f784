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
    Rule{"patch_embed.proj.weight", "conv1.weight"},
    Rule{"patch_embed.proj.bias", "conv1.bias"},
    Rule{"cls_token", "class_embedding"},
    Rule{"pos_embed", "positional_embedding"},
    Rule{"norm.weight", "ln_post.weight"},
    Rule{"norm.bias", "ln_post.bias"},
    Rule{"mlp_head.0.weight", "ln_post.weight"},
    Rule{"mlp_head.0.bias", "ln_post.bias"},
    Rule{VTVC_FROM "self_attn.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "self_attn.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "self_attn.out_proj.weight", VTVC_TO "attn.out_proj.weight"},
    Rule{VTVC_FROM "self_attn.out_proj.bias", VTVC_TO "attn.out_proj.bias"},
    Rule{VTVC_FROM "linear1.weight", VTVC_TO "mlp.c_fc.weight"},
    Rule{VTVC_FROM "linear1.bias", VTVC_TO "mlp.c_fc.bias"},
    Rule{VTVC_FROM "linear2.weight", VTVC_TO "mlp.c_proj.weight"},
    Rule{VTVC_FROM "linear2.bias", VTVC_TO "mlp.c_proj.bias"},
    Rule{VTVC_FROM "norm1.weight", VTVC_TO "ln_1.weight"},
    Rule{VTVC_FROM "norm1.bias", VTVC_TO "ln_1.bias"},
    Rule{VTVC_FROM "norm2.weight", VTVC_TO "ln_2.weight"},
    Rule{VTVC_FROM "norm2.bias", VTVC_TO "ln_2.bias"},
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
