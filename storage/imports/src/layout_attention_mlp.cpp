// A sequence "encoder" of blocks with torch.nn.MultiheadAttention and an mlp of two linear layers; the last
// member of the sequence is the final norm.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "encoder.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"embedding.patch.weight", "conv1.weight"},
    Rule{"embedding.patch.bias", "conv1.bias"},
    Rule{"embedding.cls", "class_embedding"},
    Rule{"embedding.pos", "positional_embedding"},
    Rule{"encoder.{i}.weight", "ln_post.weight"},
    Rule{"encoder.{i}.bias", "ln_post.bias"},
    Rule{VTVC_FROM "attention.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attention.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attention.out_proj.weight", VTVC_TO "attn.out_proj.weight"},
    Rule{VTVC_FROM "attention.out_proj.bias", VTVC_TO "attn.out_proj.bias"},
    Rule{VTVC_FROM "mlp.0.weight", VTVC_TO "mlp.c_fc.weight"},
    Rule{VTVC_FROM "mlp.0.bias", VTVC_TO "mlp.c_fc.bias"},
    Rule{VTVC_FROM "mlp.2.weight", VTVC_TO "mlp.c_proj.weight"},
    Rule{VTVC_FROM "mlp.2.bias", VTVC_TO "mlp.c_proj.bias"},
    Rule{VTVC_FROM "norm1.weight", VTVC_TO "ln_1.weight"},
    Rule{VTVC_FROM "norm1.bias", VTVC_TO "ln_1.bias"},
    Rule{VTVC_FROM "norm2.weight", VTVC_TO "ln_2.weight"},
    Rule{VTVC_FROM "norm2.bias", VTVC_TO "ln_2.bias"},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"mlp.fc1.*", "a classifier (vtvc head import)"},
                           SkipRule{"mlp.fc2.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout attention_mlp_layout{"encoder of attention and mlp", "encoder.{i}.attention.in_proj_weight",
                                  rules, skips, ""};

}  // namespace vtvc
