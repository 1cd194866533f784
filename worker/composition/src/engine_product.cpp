#include "engine_product.hpp"

#include <torch/torch.h>

#include <memory>
#include <mutex>

#include "vtvc/composition/settings.hpp"

namespace vtvc {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Function;
using torch::autograd::variable_list;

/// One engine with its threads for the process: two would take each other's cores.
struct Shared {
    std::mutex mutex;
    std::unique_ptr<Engine> engine;
};
Shared& shared_engine() {
    static Shared shared;
    return shared;
}

template <class Use>
void with_engine(const Use& use) {
    Shared& shared = shared_engine();
    const std::lock_guard lock(shared.mutex);
    const int threads = at::get_num_threads();
    if (shared.engine == nullptr || shared.engine->threads() != threads)
        shared.engine = std::make_unique<Engine>(threads);
    use(*shared.engine);
}

Activations activations(const at::Tensor& x) {
    return {x.data_ptr<float>(), x.size(0), x.size(1), x.size(2), x.stride(0), x.stride(1), x.stride(2)};
}
Coefficients coefficients(const at::Tensor& z) { return {z.data_ptr<float>(), z.stride(0), z.stride(1)}; }
Bias bias_of(const at::Tensor& bias) {
    if (!bias.defined() || bias.numel() == 0) return {};
    return {bias.data_ptr<float>(), bias.size(0) == 1 ? 0 : bias.stride(0)};
}
at::Tensor dense_rows(const at::Tensor& bias) {
    return !bias.defined() || bias.stride(-1) == 1 ? bias : bias.contiguous();
}

at::Tensor multiply(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                    const PackedBank& bank) {
    at::Tensor y = at::empty({x.size(0), x.size(1), bank.outputs()}, x.options());
    with_engine([&](Engine& engine) {
        engine.product(bank, activations(x), coefficients(z), bias_of(bias), y.data_ptr<float>());
    });
    return y;
}

template <class Use>
void with_packed(const EngineBlock& b, Side side, const Use& use) {
    b.bank->packed().with(b.block, engine_matrices(*b.bank, b.block, b.layout), side, use);
}

/// What the backward pass needs beside tensors.
struct Call : torch::CustomClassHolder {
    Call(const EngineBlock& b, Wanted w, std::int64_t rows, bool x, bool z)
        : block(b), wanted(w), bias_rows(rows), wants_dx(x), wants_dz(z) {}
    EngineBlock block;
    Wanted wanted;
    std::int64_t bias_rows;
    bool wants_dx, wants_dz;
};

struct EngineProduct : Function<EngineProduct> {
    /// A bias without rows stands for none: autograd functions take no undefined tensors.
    static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& z,
                              const at::Tensor& bias, const EngineBlock& block, Wanted wanted) {
        ctx->save_for_backward({x, z});
        ctx->saved_data["call"] = c10::IValue::make_capsule(
            c10::make_intrusive<Call>(block, wanted, bias.size(0), x.requires_grad(), z.requires_grad()));
        at::Tensor y;
        with_packed(block, Side::forward, [&](const PackedBank& bank) { y = multiply(x, z, bias, bank); });
        return y;
    }

    static variable_list backward(AutogradContext* ctx, variable_list gradients) {
        const variable_list saved = ctx->get_saved_variables();
        const auto holder = ctx->saved_data["call"].toCapsule();
        const auto& call = static_cast<const Call&>(*holder);
        const at::Tensor &x = saved[0], &z = saved[1], &g = gradients[0];
        at::Tensor dx, dz, db;
        if (call.wants_dx)
            with_packed(call.block, Side::backward,
                        [&](const PackedBank& bank) { dx = multiply(g, z, {}, bank); });
        if (call.wants_dz) {
            dz = at::empty(z.sizes(), z.options());
            with_packed(call.block, Side::forward, [&](const PackedBank& bank) {
                with_engine([&](Engine& engine) {
                    engine.coefficient_gradient(bank, activations(x), activations(g), coefficients(z),
                                                call.wanted, dz.data_ptr<float>(),
                                                composition_settings().gradient_products);
                });
            });
        }
        if (call.bias_rows == 1) {
            db = g.sum(at::IntArrayRef({0, 1})).unsqueeze(0);
        } else if (call.bias_rows > 1) {
            db = g.sum(1);
        }
        return {dx, dz, db, {}, {}};
    }
};

}  // namespace

std::int64_t engine_scratch_bytes() {
    Shared& shared = shared_engine();
    const std::lock_guard lock(shared.mutex);
    return shared.engine == nullptr ? 0 : shared.engine->scratch_bytes();
}

bool engine_takes(const at::Tensor& x) {
    return composition_settings().engine == EngineKind::cpu && x.is_cpu() && x.scalar_type() == at::kFloat;
}

at::Tensor engine_product(const at::Tensor& x, const at::Tensor& z, const at::Tensor& bias,
                          const EngineBlock& block, Wanted wanted) {
    const at::Tensor rows = bias.defined() ? dense_rows(bias) : at::empty({0}, x.options());
    return EngineProduct::apply(x, z, rows, block, wanted);
}

at::Tensor engine_affine(const at::Tensor& x, const at::Tensor& w, const at::Tensor& bias) {
    // The weights are the caller's and may change: nothing of them is kept.
    thread_local PackedBank packed;
    packed.assign({w.data_ptr<float>(), 0, w.size(1), w.size(0), 0, w.stride(1), w.stride(0)});
    return multiply(x, at::empty({x.size(0), 0}, x.options()), dense_rows(bias), packed);
}

}  // namespace vtvc
