// Forward derivatives: every activation carries its derivative in one coefficient along (a dual tensor), and
// the network is run once a coefficient, as it is written.
#include <torch/csrc/autograd/forward_grad.h>
#include <torch/torch.h>

#include "vtvc/composition/plain.hpp"
#include "vtvc/tangent/jacobian.hpp"

namespace vtvc {
namespace {

/// Torch keeps derivatives by levels, and has one level.
class DualLevel {
  public:
    DualLevel() : level_(torch::autograd::ForwardADLevel::get_next_idx()) {}
    ~DualLevel() { torch::autograd::ForwardADLevel::release_idx(level_); }
    DualLevel(const DualLevel&) = delete;
    DualLevel& operator=(const DualLevel&) = delete;
    at::Tensor dual(const at::Tensor& value, const at::Tensor& derivative) const {
        return derivative.defined()
                   ? at::_make_dual(value, derivative.contiguous(), static_cast<std::int64_t>(level_))
                   : value;
    }
    /// Value and derivative; the second undefined where there is none.
    std::pair<at::Tensor, at::Tensor> split(const at::Tensor& x) const {
        if (!x._fw_grad(level_).defined()) return {x, at::Tensor()};
        const auto [value, derivative] = at::_unpack_dual(x, static_cast<std::int64_t>(level_));
        return {value, derivative};
    }

  private:
    std::uint64_t level_;
};

/// The merged network at z̄, whose blocks of one coefficient move in the direction of one task vector:
/// d(x W) = dx W̄ + x τ.
class MovingWeights final : public Weights {
  public:
    MovingWeights(const DualLevel& level, const BankView& bank, std::vector<at::Tensor> at_centre)
        : level_(level), bank_(bank), still_(std::move(at_centre)), moving_({}) {}
    void move(const std::vector<at::Tensor>& direction, std::int64_t coefficient) {
        moving_.blocks() = direction;
        coefficient_ = coefficient;
    }

    at::Tensor linear(const at::Tensor& x, std::int64_t weight, std::int64_t bias) override {
        return product(x, weight, bias, [](PlainWeights& w, const at::Tensor& at, std::int64_t block) {
            return w.linear(at, block, -1);
        });
    }
    at::Tensor linear_transposed(const at::Tensor& x, std::int64_t weight) override {
        return product(x, weight, -1, [](PlainWeights& w, const at::Tensor& at, std::int64_t block) {
            return w.linear_transposed(at, block);
        });
    }
    at::Tensor vector(std::int64_t block) override {
        return level_.dual(still_.vector(block), moves(block) ? moving_.vector(block) : at::Tensor());
    }

  private:
    bool moves(std::int64_t block) const {
        return block >= 0 && bank_.partition().index[static_cast<std::size_t>(block)] == coefficient_;
    }
    template <class Multiply>
    at::Tensor product(const at::Tensor& x, std::int64_t weight, std::int64_t bias, Multiply multiply) {
        const torch::NoGradGuard by_the_engine;
        const auto [value, derivative] = level_.split(x);
        at::Tensor y = multiply(still_, value, weight), dy;
        if (bias >= 0) y = y + still_.vector(bias).unsqueeze(1);
        const auto add = [&dy](const at::Tensor& term) { dy = dy.defined() ? dy + term : term; };
        if (derivative.defined()) add(multiply(still_, derivative.contiguous(), weight));
        if (moves(weight)) add(multiply(moving_, value, weight));
        if (moves(bias)) add(moving_.vector(bias).unsqueeze(1).expand_as(y));
        return level_.dual(y, dy);
    }

    const DualLevel& level_;
    const BankView& bank_;
    PlainWeights still_, moving_;
    std::int64_t coefficient_ = -1;
};

/// τ_k block by block.
std::vector<at::Tensor> task_vector(const BankView& bank, std::int64_t task) {
    std::vector<at::Tensor> blocks;
    for (std::size_t j = 0; j < bank.blocks().size(); ++j)
        blocks.push_back(
            bank.tau(static_cast<std::int64_t>(j)).select(0, task).contiguous().view(bank.blocks()[j].shape));
    return blocks;
}

}  // namespace

Expansion forward_jacobian(const Vit& vit, const BankView& bank, const Classifier& classify,
                           const at::Tensor& images, const at::Tensor& centre) {
    // With a graph's rules, though nothing asks for a gradient: evaluation has products of its own, which no
    // derivative follows.
    const at::AutoGradMode as_in_training(true);
    const DualLevel level;
    MovingWeights weights(level, bank, merge(bank, centre.detach()));
    Expansion made;
    for (std::int64_t k = 0; k < bank.tasks(); ++k) {
        const std::vector<at::Tensor> direction = task_vector(bank, k);
        for (std::int64_t j = 0; j < bank.coefficients(); ++j) {
            weights.move(direction, j);
            const auto [logits, derivative] = level.split(classify(vit.forward(images, weights)));
            if (!made.jacobian.defined()) {
                made.logits = logits.detach().clone();
                made.jacobian = at::zeros({logits.size(0), logits.size(1), bank.tasks(), bank.coefficients()},
                                          logits.options());
            }
            if (derivative.defined()) made.jacobian.select(2, k).select(2, j).copy_(derivative);
        }
    }
    return made;
}

}  // namespace vtvc
