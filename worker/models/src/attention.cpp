#include "attention.hpp"

#include <torch/torch.h>

#include <cmath>

#include "vtvc/composition/batched_product.hpp"

namespace vtvc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// Part 0, 1 or 2 (q, k, v) of [B, T, 3W] as [B, heads, T, W/heads]: a view, nothing is moved.
at::Tensor part(const at::Tensor& qkv, std::int64_t index, std::int64_t heads) {
    return qkv.view({qkv.size(0), qkv.size(1), 3, heads, -1}).select(2, index).transpose(1, 2);
}
/// [B, T, W] as [B, heads, T, W/heads]
at::Tensor by_head(const at::Tensor& x, std::int64_t heads) {
    return x.view({x.size(0), x.size(1), heads, x.size(2) / heads}).transpose(1, 2);
}

double score_scale(std::int64_t head) { return 1 / std::sqrt(static_cast<double>(head)); }

/// Products read the heads where they lie and write them where they belong, in both directions.
struct Attention : torch::autograd::Function<Attention> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& given, std::int64_t heads,
                              std::int64_t queries) {
        const at::Tensor qkv = given.contiguous();
        const std::int64_t samples = qkv.size(0), tokens = qkv.size(1), width = qkv.size(2) / 3;
        const double scale = score_scale(width / heads);
        const at::Tensor q = part(qkv, 0, heads).narrow(2, 0, queries), k = part(qkv, 1, heads);
        const at::Tensor scores = at::empty({samples, heads, queries, tokens}, qkv.options());
        batched_product_out(scores, q, k.transpose(2, 3), scale);
        const at::Tensor weights = at::softmax(scores, -1);
        at::Tensor y = at::empty({samples, queries, width}, qkv.options());
        batched_product_out(by_head(y, heads), weights, part(qkv, 2, heads));
        ctx->save_for_backward({qkv, weights});
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &qkv = saved[0], &weights = saved[1];
        const std::int64_t heads = weights.size(1), queries = weights.size(2), width = qkv.size(2) / 3;
        const double scale = score_scale(width / heads);
        const at::Tensor dy = by_head(gradients[0].contiguous(), heads);
        const at::Tensor dqkv = at::empty_like(qkv);
        batched_product_out(part(dqkv, 2, heads), weights.transpose(2, 3), dy);
        at::Tensor d = at::empty_like(weights);
        batched_product_out(d, dy, part(qkv, 2, heads).transpose(2, 3));
        d = at::_softmax_backward_data(d, weights, -1, weights.scalar_type());
        const at::Tensor dq = part(dqkv, 0, heads);
        if (queries < qkv.size(1)) dq.zero_();
        batched_product_out(dq.narrow(2, 0, queries), d, part(qkv, 1, heads), scale);
        batched_product_out(part(dqkv, 1, heads), d.transpose(2, 3),
                            part(qkv, 0, heads).narrow(2, 0, queries), scale);
        return {dqkv, {}, {}};
    }
};

/// The same by torch's own operations. A forward derivative travels with its tensor through those alone; a
/// function of ours would lose it.
at::Tensor attention_by_operations(const at::Tensor& given, std::int64_t heads, std::int64_t queries) {
    const at::Tensor qkv = given.contiguous();
    const std::int64_t width = qkv.size(2) / 3;
    const at::Tensor q = part(qkv, 0, heads).narrow(2, 0, queries), k = part(qkv, 1, heads);
    const at::Tensor scores = at::matmul(q, k.transpose(2, 3)) * score_scale(width / heads);
    return at::matmul(at::softmax(scores, -1), part(qkv, 2, heads))
        .transpose(1, 2)
        .reshape({qkv.size(0), queries, width});
}

}  // namespace

at::Tensor attend(const at::Tensor& qkv, std::int64_t heads, std::int64_t queries) {
    if (qkv._fw_grad(0).defined()) return attention_by_operations(qkv, heads, queries);
    return Attention::apply(qkv, heads, queries);
}

}  // namespace vtvc
