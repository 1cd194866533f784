#include "schemes.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <numeric>

#include "products.hpp"
#include "vtvc/composition/batched_product.hpp"

namespace vtvc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// Multiply-adds of one product with a block of the bank. Up to here OpenBLAS multiplies without copying the
/// block into an order of its own, which with so few rows is most of the work (2.5 times as fast), and the
/// weights made are still in the cache when they are used: they reach main memory neither in time nor in
/// space.
constexpr std::int64_t kUnpacked = 1'000'000;
/// Blocks so large that this leaves only a few samples are copied, once for so many.
constexpr std::int64_t kFewSamples = 4, kManySamples = 64;
/// Values of the weights that are made at once, on any device: 256 MB in float, 28 samples of the largest
/// block of ViT-B, 16 of ViT-L's.
constexpr std::int64_t kPortionValues = std::int64_t{1} << 26;

/// Calls work(first, count) for portions of the batch.
template <class Work>
void in_portions(const at::Tensor& x, const at::Tensor& stacked, const Work& work) {
    const std::int64_t samples = x.size(0), unpacked = kUnpacked / stacked.numel();
    const std::int64_t wanted = !x.is_cpu() ? samples : unpacked < kFewSamples ? kManySamples : unpacked;
    const std::int64_t fitting = std::max(std::int64_t{1}, kPortionValues / stacked.size(1));
    const std::int64_t portion = std::min(wanted, fitting);
    for (std::int64_t first = 0; first < samples; first += portion)
        work(first, std::min(portion, samples - first));
}

/// z with a coefficient of 1 for the base in front.
at::Tensor with_base(const at::Tensor& z) { return at::constant_pad_nd(z, {1, 0}, 1); }

/// y_b = x_b · W_b + bias_b, where weights(first, count) makes the flat W_b of a portion.
template <class MakeWeights>
at::Tensor multiply(const at::Tensor& x, const at::Tensor& bias, const StackedMatrix& matrix,
                    const MakeWeights& weights) {
    const std::vector<std::int64_t> shape{x.size(0), x.size(1), matrix.outputs()};
    at::Tensor y = bias.defined() ? bias.unsqueeze(1).expand(shape).clone(at::MemoryFormat::Contiguous)
                                  : at::empty(shape, x.options());
    in_portions(x, matrix.stacked, [&](std::int64_t first, std::int64_t count) {
        batched_product_out(y.narrow(0, first, count), x.narrow(0, first, count),
                            matrix.as_factors(weights(first, count)), 1, bias.defined() ? 1 : 0);
    });
    return y;
}

/// What the backward pass of both schemes needs.
struct Saved {
    at::Tensor x, z;
    StackedMatrix matrix;
    std::int64_t bias_rows;
    bool of_x, of_z;  ///< whose gradient is asked for

    static void put(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                    const StackedMatrix& matrix) {
        ctx->save_for_backward({x, z, matrix.stacked});
        ctx->saved_data["numbers"] = std::vector<std::int64_t>{
            matrix.rows,  matrix.columns,    static_cast<std::int64_t>(matrix.layout),
            bias.size(0), x.requires_grad(), z.requires_grad()};
    }
    static Saved take(AutogradContext* ctx) {
        const variable_list tensors = ctx->get_saved_variables();
        const std::vector<std::int64_t> n = ctx->saved_data["numbers"].toIntVector();
        return {tensors[0], tensors[1], {tensors[2], n[0], n[1], static_cast<Layout>(n[2])},
                n[3],       n[4] != 0,  n[5] != 0};
    }
    /// The bias is one for all samples, one a sample, or none (no rows).
    at::Tensor of_bias(const at::Tensor& g) const {
        if (bias_rows == 0) return {};
        return bias_rows == 1 ? g.sum(at::IntArrayRef({0, 1})).unsqueeze(0) : g.sum(1);
    }
};

/// Autograd functions take no undefined tensors: a bias without rows stands for none.
at::Tensor rows_of(const at::Tensor& bias, const at::Tensor& x) {
    return bias.defined() ? bias : at::empty({0}, x.options());
}
at::Tensor bias_or_none(const at::Tensor& rows) { return rows.size(0) == 0 ? at::Tensor() : rows; }

/// ∂L/∂W_b = gᵀ_b x_b, ∂L/∂z_bk = ⟨∂L/∂W_b, τ_k⟩, ∂L/∂x_b = g_b W_bᵀ.
struct Materialised : Function<Materialised> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z,
                              const at::Tensor& bias, const StackedMatrix& matrix) {
        Saved::put(ctx, x, z, bias, matrix);
        const at::Tensor coefficients = with_base(z);
        return multiply(x, bias_or_none(bias), matrix, [&](std::int64_t first, std::int64_t count) {
            return at::mm(coefficients.narrow(0, first, count), matrix.stacked);
        });
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const Saved saved = Saved::take(ctx);
        const StackedMatrix& matrix = saved.matrix;
        const at::Tensor &x = saved.x, &z = saved.z, g = gradients[0].contiguous();
        const at::Tensor coefficients = with_base(z), taus = matrix.stacked.narrow(0, 1, matrix.tasks()).t();
        const at::Tensor dx = saved.of_x ? at::empty(x.sizes(), x.options()) : at::Tensor();
        const at::Tensor dz = saved.of_z ? at::empty(z.sizes(), z.options()) : at::Tensor();
        in_portions(x, matrix.stacked, [&](std::int64_t first, std::int64_t count) {
            const at::Tensor own_g = g.narrow(0, first, count), own_x = x.narrow(0, first, count);
            const at::Tensor w = at::mm(coefficients.narrow(0, first, count), matrix.stacked);
            if (saved.of_x)
                batched_product_out(dx.narrow(0, first, count), own_g, matrix.as_factors(w).transpose(1, 2));
            if (!saved.of_z) return;
            // The weights have served: their place takes their gradient.
            const at::Tensor dw = w.view({count, matrix.rows, matrix.columns});
            if (matrix.layout == Layout::outputs_first) {
                batched_product_out(dw, own_g.transpose(1, 2), own_x);
            } else {
                batched_product_out(dw, own_x.transpose(1, 2), own_g);
            }
            at::Tensor own_dz = dz.narrow(0, first, count);
            at::mm_out(own_dz, w, taus);
        });
        return {dx, dz, saved.of_bias(g), {}};
    }
};

/// Y = X W0ᵀ + Σ_k z_bk (X τ_kᵀ). With Q_k = ∂L/∂Y · τ_k: ∂L/∂z_bk = ⟨Q_k, X⟩ and
/// ∂L/∂X = ∂L/∂Y · W0 + Σ_k z_bk Q_k.
struct Mixed : Function<Mixed> {
    static at::Tensor mix(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const StackedMatrix& matrix, const std::vector<std::int64_t>& tasks, Order order) {
        at::Tensor y = affine(x, matrix.factor(0), bias, order);
        for (const std::int64_t k : tasks)
            y.addcmul_(affine(x, matrix.factor(k + 1), {}, order), z.select(1, k).view({-1, 1, 1}));
        return y;
    }

    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z,
                              const at::Tensor& bias, const StackedMatrix& matrix) {
        Saved::put(ctx, x, z, bias, matrix);
        std::vector<std::int64_t> tasks(static_cast<std::size_t>(matrix.tasks()));
        std::iota(tasks.begin(), tasks.end(), 0);
        return mix(x, z, bias_or_none(bias), matrix, tasks, Order::fastest);
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const Saved saved = Saved::take(ctx);
        const at::Tensor &x = saved.x, &z = saved.z, &g = gradients[0];
        at::Tensor dx = affine(g, saved.matrix.factor(0).t(), {}, Order::fastest);
        const at::Tensor dz = at::empty(z.sizes(), z.options());
        for (std::int64_t k = 0; k < saved.matrix.tasks(); ++k) {
            const at::Tensor q = affine(g, saved.matrix.factor(k + 1).t(), {}, Order::fastest);
            dz.select(1, k).copy_((q * x).sum(at::IntArrayRef({1, 2})));
            dx.addcmul_(q, z.select(1, k).view({-1, 1, 1}));
        }
        return {dx, dz, saved.of_bias(g), {}};
    }
};

}  // namespace

at::Tensor StackedMatrix::as_factors(const at::Tensor& flat) const {
    std::vector<std::int64_t> shape = flat.sizes().vec();
    shape.back() = rows;
    shape.push_back(columns);
    const at::Tensor matrices = flat.view(shape);
    return layout == Layout::outputs_first ? matrices.transpose(-2, -1) : matrices;
}

at::Tensor compose_in_order(const at::Tensor& stacked, const at::Tensor& z,
                            const std::vector<std::int64_t>& tasks) {
    at::Tensor w = at::empty({z.size(0), stacked.size(1)}, stacked.options());
    accumulate_out(w, stacked, z, tasks);
    return w;
}

at::Tensor materialised(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                        const StackedMatrix& matrix) {
    return Materialised::apply(x, z, rows_of(bias, x), matrix);
}

at::Tensor materialised_in_order(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                                 const StackedMatrix& matrix, const std::vector<std::int64_t>& tasks) {
    return multiply(x, bias, matrix, [&](std::int64_t first, std::int64_t count) {
        return compose_in_order(matrix.stacked, z.narrow(0, first, count), tasks);
    });
}

at::Tensor mixed(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                 const StackedMatrix& matrix) {
    return Mixed::apply(x, z, rows_of(bias, x), matrix);
}

at::Tensor mixed_in_order(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const StackedMatrix& matrix, const std::vector<std::int64_t>& tasks) {
    return Mixed::mix(x, z, bias, matrix, tasks, Order::per_sample);
}

}  // namespace vtvc
