// Which blocks compose which tasks, and by which scheme (schemes.hpp). A task is skipped only where z asks
// for no gradient: a coefficient that is zero by value still has one (training may start there).
#include "vtvc/composition/composed.hpp"

#include <torch/torch.h>

#include <numeric>
#include <sstream>

#include "engine_product.hpp"
#include "products.hpp"
#include "schemes.hpp"
#include "vtvc/composition/batched_product.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// Small blocks, all at once: one node of the graph instead of one a bias. columns [J, B, K] → each [B, n…].
/// A sample's sums are its own, as everywhere: no product over the batch.
struct ComposedVectors : Function<ComposedVectors> {
    static variable_list forward(AutogradContext* ctx, const at::Tensor& columns, const BankView* bank,
                                 const std::vector<std::int64_t>& blocks) {
        variable_list composed, taus;
        std::vector<std::int64_t> coefficients;
        std::vector<std::int64_t> tasks(static_cast<std::size_t>(columns.size(2)));
        std::iota(tasks.begin(), tasks.end(), 0);
        for (const std::int64_t block : blocks) {
            coefficients.push_back(bank->partition().index[static_cast<std::size_t>(block)]);
            taus.push_back(bank->tau(block));
            std::vector<std::int64_t> shape = bank->base(block).sizes().vec();
            shape.insert(shape.begin(), columns.size(1));
            composed.push_back(
                compose_in_order(bank->stacked(block), columns[coefficients.back()], tasks).view(shape));
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
        const at::Tensor d = at::zeros(shape, taus[0].options());
        for (std::size_t i = 0; i < taus.size(); ++i) {
            const std::int64_t values = taus[i].size(1);
            batched_product_out(d[coefficients[i]].unsqueeze(1), gradients[i].reshape({shape[1], 1, values}),
                                taus[i].t().expand({shape[1], values, shape[2]}), 1, 1);
        }
        return {d, {}, {}};
    }
};

class ComposedWeights final : public Weights {
  public:
    ComposedWeights(const BankView& bank, const at::Tensor& z, Scheme scheme, Gradients gradients);
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
    Wanted wanted_;
    std::int64_t samples_;
    bool differentiable_;                           ///< z asks for a gradient
    at::Tensor columns_;                            ///< [J, B, K]
    std::vector<at::Tensor> column_;                ///< [B, K] each: one node of the graph splits them all
    std::vector<std::vector<std::int64_t>> tasks_;  ///< of each coefficient: those that some sample uses
    std::vector<at::Tensor> vectors_;               ///< by block, made when first asked for
};

ComposedWeights::ComposedWeights(const BankView& bank, const at::Tensor& z, Scheme scheme,
                                 Gradients gradients)
    : bank_(bank), scheme_(scheme), wanted_(gradients == Gradients::active ? Wanted::active : Wanted::all) {
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
        std::vector<std::int64_t> shape = bank_.base(block).sizes().vec();
        shape.insert(shape.begin(), tasks_[j].empty() ? 1 : samples_);
        vectors_[static_cast<std::size_t>(block)] =
            (tasks_[j].empty() ? bank_.base(block)
                               : compose_in_order(bank_.stacked(block), column_[j], tasks_[j]))
                .view(shape);
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
    check_activations(x, layout == Layout::outputs_first ? base.size(1) : base.size(0));
    if (x.size(0) != samples_)
        fail<NumericError>("activations of {} samples meet coefficients of {}; give one row of z a sample",
                           x.size(0), samples_);
    const Order order = current_order();
    const std::size_t j = coefficient(block);
    const std::vector<std::int64_t>& tasks = tasks_[j];
    const bool engine = scheme_ == Scheme::automatic && engine_takes(x);
    if (engine && !(tasks.empty() && order == Order::fastest))
        return engine_product(x, column_[j], bias, {&bank_, block, layout}, wanted_);
    if (tasks.empty()) return affine(x, layout == Layout::outputs_first ? base.t() : base, bias, order);

    StackedMatrix matrix{bank_.stacked(block), base.size(0), base.size(1), layout};
    // Up to three tokens, K + 1 small products cost less than making O·I weights a sample.
    const bool mix = scheme_ == Scheme::mix_activations || (scheme_ == Scheme::automatic && x.size(1) <= 3);
    if (order == Order::per_sample)
        return mix ? mixed_in_order(x, column_[j], bias, matrix, tasks)
                   : materialised_in_order(x, column_[j], bias, matrix, tasks);
    at::Tensor z = column_[j];
    if (static_cast<std::int64_t>(tasks.size()) < bank_.tasks()) {
        const at::Tensor kept = at::tensor(tasks, at::TensorOptions().dtype(at::kLong).device(z.device()));
        z = z.index_select(1, kept);
        const at::Tensor tau = matrix.stacked.narrow(0, 1, bank_.tasks());
        matrix.stacked = at::cat({matrix.stacked.narrow(0, 0, 1), tau.index_select(0, kept)});
    }
    return mix ? mixed(x, z, bias, matrix) : materialised(x, z, bias, matrix);
}

}  // namespace

std::unique_ptr<Weights> make_composed(const BankView& bank, at::Tensor z, Scheme scheme,
                                       Gradients gradients) {
    return std::make_unique<ComposedWeights>(bank, z, scheme, gradients);
}

}  // namespace vtvc
