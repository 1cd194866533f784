// A sequence "encoder" of blocks with torch.nn.MultiheadAttention and an mlp of two linear layers; the last
// member of the sequence is the final norm.
#include <array>

#include "layout.hpp"

namespace vtvc {
namespace {

#define VTVC_FROM "encoder.{i}."
#define VTVC_TO "transformer.resblocks.{i}."
constexpr std::array rules{
    Rule{"embedding.patch.", "conv1."},
    Rule{"embedding.cls", "class_embedding"},
    Rule{"embedding.pos", "positional_embedding"},
    Rule{"encoder.{i}.", "ln_post."},
    Rule{VTVC_FROM "attention.in_proj_weight", VTVC_TO "attn.in_proj_weight"},
    Rule{VTVC_FROM "attention.in_proj_bias", VTVC_TO "attn.in_proj_bias"},
    Rule{VTVC_FROM "attention.out_proj.", VTVC_TO "attn.out_proj."},
    Rule{VTVC_FROM "mlp.0.", VTVC_TO "mlp.c_fc."},
    Rule{VTVC_FROM "mlp.2.", VTVC_TO "mlp.c_proj."},
    Rule{VTVC_FROM "norm1.", VTVC_TO "ln_1."},
    Rule{VTVC_FROM "norm2.", VTVC_TO "ln_2."},
};
#undef VTVC_FROM
#undef VTVC_TO
constexpr std::array skips{SkipRule{"mlp.fc1.*", "a classifier (vtvc head import)"},
                           SkipRule{"mlp.fc2.*", "a classifier (vtvc head import)"}};

}  // namespace

const Layout attention_mlp_layout{"encoder of attention and mlp", "encoder.{i}.attention.in_proj_weight",
                                  rules, skips, ""};

}  // namespace vtvc
