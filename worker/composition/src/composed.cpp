// Schemes (a) and (b) of method.md section 1, the clear reference that a fused engine will be tested against.
// Training goes through autograd functions of its own: they keep activations and coefficients only, and make
// the per-sample weights again in the backward pass. Evaluation adds task after task, so that no sum depends
// on the batch (products.hpp). A task is skipped only where z asks for no gradient: a coefficient that is
// zero by value still has one (training may start there).
#include "vtvc/composition/composed.hpp"

#include <torch/torch.h>

#include <numeric>
#include <sstream>

#include "products.hpp"
#include "vtvc/composition/batched_product.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

enum class Layout : std::int64_t { outputs_first, inputs_first };

/// Matrices [.., rows, columns] as they multiply activations from the right: [.., I, O].
at::Tensor as_factor(const at::Tensor& w, Layout layout) {
    return layout == Layout::outputs_first ? w.transpose(-2, -1) : w;
}

/// W_b = W0 + Σ_k z_bk τ_k as one product. base [n…], tau [K, n], z [B, K] → [B, n…]
at::Tensor compose(const at::Tensor& base, const at::Tensor& tau, const at::Tensor& z) {
    std::vector<std::int64_t> shape = base.sizes().vec();
    shape.insert(shape.begin(), z.size(0));
    return at::addmm(base.view({1, -1}), z, tau).view(shape);
}

/// The same, task after task: each sample's bits are its own, and a zero coefficient changes none.
at::Tensor compose_in_order(const at::Tensor& base, const at::Tensor& tau, const at::Tensor& z,
                            const std::vector<std::int64_t>& tasks) {
    std::vector<std::int64_t> shape = base.sizes().vec();
    shape.insert(shape.begin(), z.size(0));
    at::Tensor w = base.view({1, -1}).expand({z.size(0), -1}).clone(at::MemoryFormat::Contiguous);
    for (const std::int64_t k : tasks) w.addcmul_(z.narrow(1, k, 1), tau.narrow(0, k, 1));
    return w.view(shape);
}

/// Autograd functions take no undefined tensors: a bias without rows stands for none.
at::Tensor bias_or_none(const at::Tensor& bias) { return bias.size(0) == 0 ? at::Tensor() : bias; }

/// Gradient of a bias that is one for all samples or one a sample.
at::Tensor bias_gradient(const at::Tensor& g, std::int64_t rows) {
    return rows == 1 ? g.sum(at::IntArrayRef({0, 1})).unsqueeze(0) : g.sum(1);
}

/// Scheme (a). ∂L/∂z_bk = ⟨∂L/∂W_b, τ_k⟩.
struct MaterialisedProduct : Function<MaterialisedProduct> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z,
                              const at::Tensor& bias, const at::Tensor& base, const at::Tensor& tau,
                              Layout layout) {
        ctx->save_for_backward({x, z, base, tau});
        ctx->saved_data["layout"] = static_cast<std::int64_t>(layout);
        ctx->saved_data["bias_rows"] = bias.size(0);
        ctx->saved_data["x"] = x.requires_grad();
        ctx->saved_data["z"] = z.requires_grad();
        return batched_affine(x, as_factor(compose(base, tau, z), layout), bias_or_none(bias));
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &z = saved[1], &base = saved[2], &tau = saved[3], &g = gradients[0];
        const auto layout = static_cast<Layout>(ctx->saved_data["layout"].toInt());
        const std::int64_t bias_rows = ctx->saved_data["bias_rows"].toInt();
        at::Tensor dx, dz, dbias;
        if (ctx->saved_data["x"].toBool())
            dx = batched_product(g, as_factor(compose(base, tau, z), layout).transpose(1, 2));
        if (ctx->saved_data["z"].toBool()) {
            const at::Tensor dw = layout == Layout::outputs_first ? batched_product(g.transpose(1, 2), x)
                                                                  : batched_product(x.transpose(1, 2), g);
            dz = at::mm(dw.view({z.size(0), tau.size(1)}), tau.t());
        }
        if (bias_rows > 0) dbias = bias_gradient(g, bias_rows);
        return {dx, dz, dbias, {}, {}, {}};
    }
};

/// Scheme (b): Y = X W0ᵀ + Σ_k z_bk (X τ_kᵀ). With Q_k = ∂L/∂Y · τ_k: ∂L/∂z_bk = ⟨Q_k, X⟩ and
/// ∂L/∂X = ∂L/∂Y · W0 + Σ_k z_bk Q_k.
struct MixedProduct : Function<MixedProduct> {
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z,
                              const at::Tensor& bias, const at::Tensor& base, const at::Tensor& tau,
                              Layout layout) {
        ctx->save_for_backward({x, z, base, tau});
        ctx->saved_data["layout"] = static_cast<std::int64_t>(layout);
        ctx->saved_data["bias_rows"] = bias.size(0);
        std::vector<std::int64_t> tasks(static_cast<std::size_t>(tau.size(0)));
        std::iota(tasks.begin(), tasks.end(), 0);
        return mix(x, z, bias_or_none(bias), base, tau, layout, tasks, Order::fastest);
    }

    static at::Tensor mix(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const at::Tensor& base, const at::Tensor& tau, Layout layout,
                          const std::vector<std::int64_t>& tasks, Order order) {
        at::Tensor y = affine(x, as_factor(base, layout), bias, order);
        for (const std::int64_t k : tasks)
            y.addcmul_(affine(x, as_factor(tau[k].view_as(base), layout), {}, order),
                       z.select(1, k).view({-1, 1, 1}));
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const at::Tensor &x = saved[0], &z = saved[1], &base = saved[2], &tau = saved[3], &g = gradients[0];
        const auto layout = static_cast<Layout>(ctx->saved_data["layout"].toInt());
        const std::int64_t bias_rows = ctx->saved_data["bias_rows"].toInt();
        at::Tensor dx = affine(g, as_factor(base, layout).t(), {}, Order::fastest), dz = at::empty_like(z),
                   dbias;
        for (std::int64_t k = 0; k < tau.size(0); ++k) {
            const at::Tensor q = affine(g, as_factor(tau[k].view_as(base), layout).t(), {}, Order::fastest);
            dz.select(1, k).copy_((q * x).sum(at::IntArrayRef({1, 2})));
            dx.addcmul_(q, z.select(1, k).view({-1, 1, 1}));
        }
        if (bias_rows > 0) dbias = bias_gradient(g, bias_rows);
        return {dx, dz, dbias, {}, {}, {}};
    }
};

/// All small blocks at once: one node of the graph instead of one a bias. columns [J, B, K] → each [B, n…].
struct ComposedVectors : Function<ComposedVectors> {
    static variable_list forward(AutogradContext* ctx, const at::Tensor& columns, const BankView* bank,
                                 const std::vector<std::int64_t>& blocks) {
        variable_list composed, taus;
        std::vector<std::int64_t> coefficients;
        for (const std::int64_t block : blocks) {
            coefficients.push_back(bank->partition().index[static_cast<std::size_t>(block)]);
            taus.push_back(bank->tau(block));
            composed.push_back(compose(bank->base(block), taus.back(), columns[coefficients.back()]));
        }
        ctx->save_for_backward(taus);
        ctx->saved_data["coefficients"] = coefficients;
        ctx->saved_data["shape"] = columns.sizes().vec();
        return composed;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list taus = ctx->get_saved_variables();
        const std::vector<std::int64_t> coefficients = ctx->saved_data["coefficients"].toIntVector();
        const std::vector<std::int64_t> shape = ctx->saved_data["shape"].toIntVector();
        at::Tensor d = at::zeros(shape, taus[0].options());
        for (std::size_t i = 0; i < taus.size(); ++i)
            d[coefficients[i]].addmm_(gradients[i].reshape({shape[1], taus[i].size(1)}), taus[i].t());
        return {d, {}, {}};
    }
};

class ComposedWeights final : public Weights {
  public:
    ComposedWeights(const BankView& bank, const at::Tensor& z, Scheme scheme);
    at::Tensor linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) override {
        return product(x, weight, bias < 0 ? at::Tensor() : vector(bias), Layout::outputs_first);
    }
    at::Tensor linear_transposed(const at::Tensor& x, std::int64_t weight) override {
        return product(x, weight, {}, Layout::inputs_first);
    }
    at::Tensor vector(std::int64_t block) override;

  private:
    at::Tensor product(const at::Tensor& x, std::int64_t block, const at::Tensor& bias, Layout layout);
    void compose_vectors(const std::vector<std::int64_t>& blocks);
    std::size_t coefficient(std::int64_t block) const {
        return static_cast<std::size_t>(bank_.partition().index[static_cast<std::size_t>(block)]);
    }

    const BankView& bank_;
    Scheme scheme_;
    std::int64_t samples_;
    bool differentiable_;                           ///< z asks for a gradient
    at::Tensor columns_;                            ///< [J, B, K]
    std::vector<at::Tensor> column_;                ///< [B, K] each: one node of the graph splits them all
    std::vector<std::vector<std::int64_t>> tasks_;  ///< of each coefficient: those that some sample uses
    std::vector<at::Tensor> vectors_;               ///< by block, made when first asked for
};

ComposedWeights::ComposedWeights(const BankView& bank, const at::Tensor& z, Scheme scheme)
    : bank_(bank), scheme_(scheme) {
    if (z.dim() != 3 || z.size(1) != bank.tasks() || z.size(2) != bank.coefficients() ||
        z.scalar_type() != bank.base(0).scalar_type()) {
        std::ostringstream got;
        got << z.sizes() << " " << z.scalar_type();
        fail<NumericError>(
            "coefficients {} do not fit the bank; give [samples, {}, {}] of the bank's own type", got.str(),
            bank.tasks(), bank.coefficients());
    }
    samples_ = z.size(0);
    differentiable_ = at::GradMode::is_enabled() && z.requires_grad();
    columns_ = z.permute({2, 0, 1}).contiguous();
    column_ = columns_.unbind(0);
    const at::Tensor used = differentiable_ ? at::ones({bank.coefficients(), bank.tasks()}, at::kBool)
                                            : (columns_ != 0).any(1).to(at::kCPU);
    const auto flags = used.accessor<bool, 2>();
    tasks_.resize(static_cast<std::size_t>(bank.coefficients()));
    for (std::int64_t j = 0; j < bank.coefficients(); ++j)
        for (std::int64_t k = 0; k < bank.tasks(); ++k)
            if (flags[j][k]) tasks_[static_cast<std::size_t>(j)].push_back(k);

    vectors_.resize(bank.blocks().size());
    std::vector<std::int64_t> small;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j)
        if (bank.blocks()[j].shape.size() == 1) small.push_back(static_cast<std::int64_t>(j));
    compose_vectors(small);
}

void ComposedWeights::compose_vectors(const std::vector<std::int64_t>& blocks) {
    if (blocks.empty()) return;
    if (differentiable_) {
        const variable_list composed = ComposedVectors::apply(columns_, &bank_, blocks);
        for (std::size_t i = 0; i < blocks.size(); ++i)
            vectors_[static_cast<std::size_t>(blocks[i])] = composed[i];
        return;
    }
    for (const std::int64_t block : blocks) {
        const std::size_t j = coefficient(block);
        vectors_[static_cast<std::size_t>(block)] =
            tasks_[j].empty() ? bank_.base(block).unsqueeze(0)
                              : compose_in_order(bank_.base(block), bank_.tau(block), column_[j], tasks_[j]);
    }
}

at::Tensor ComposedWeights::vector(std::int64_t block) {
    const at::Tensor& made = vectors_.at(static_cast<std::size_t>(block));
    if (!made.defined()) compose_vectors({block});
    return made;
}

at::Tensor ComposedWeights::product(const at::Tensor& x, std::int64_t block, const at::Tensor& bias,
                                    Layout layout) {
    const at::Tensor base = as_matrix(bank_.base(block));
    check_activations(x, base.size(layout == Layout::outputs_first ? 1 : 0));
    if (x.size(0) != samples_)
        fail<NumericError>("activations of {} samples meet coefficients of {}; give one row of z a sample",
                           x.size(0), samples_);
    const Order order = current_order();
    const std::size_t j = coefficient(block);
    const std::vector<std::int64_t>& tasks = tasks_[j];
    if (tasks.empty()) return affine(x, as_factor(base, layout), bias, order);

    // Up to three tokens, K + 1 small products cost less than making O·I weights a sample.
    const bool mix = scheme_ == Scheme::mix_activations || (scheme_ == Scheme::automatic && x.size(1) <= 3);
    at::Tensor tau = bank_.tau(block), z = column_[j];
    if (order == Order::per_sample) {
        if (mix) return MixedProduct::mix(x, z, bias, base, tau, layout, tasks, order);
        return batched_affine(x, as_factor(compose_in_order(base, tau, z, tasks), layout), bias);
    }
    if (static_cast<std::int64_t>(tasks.size()) < bank_.tasks()) {
        const at::Tensor kept = at::tensor(tasks, at::TensorOptions().dtype(at::kLong).device(tau.device()));
        tau = tau.index_select(0, kept);
        z = z.index_select(1, kept);
    }
    const at::Tensor rows = bias.defined() ? bias : at::empty({0}, x.options());
    return mix ? MixedProduct::apply(x, z, rows, base, tau, layout)
               : MaterialisedProduct::apply(x, z, rows, base, tau, layout);
}

}  // namespace

std::unique_ptr<Weights> make_composed(const BankView& bank, at::Tensor z, Scheme scheme) {
    return std::make_unique<ComposedWeights>(bank, z, scheme);
}

}  // namespace vtvc
