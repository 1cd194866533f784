#pragma once
// The composition engine on the CPU in float32, scheme (c) of method.md section 1: while one input's composed
// line of weights is multiplied with a sample's tokens, the next one is composed, so that composed weights
// never leave the cache. Kernels for AVX-512, AVX2 and the plain instruction set are chosen at run time.
//
// What it promises about bits. One output is one chain of fused multiply-adds over the inputs, in stretches
// that follow from the shapes alone; one weight is W0 + z τ + z τ … over the sample's own non-zero
// coefficients. So a sample's result depends neither on threads, nor on its batch, nor on the other samples'
// coefficients, nor on which of the kernel's ways was taken.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vtvc/composition/operands.hpp"
#include "vtvc/composition/packed_bank.hpp"

namespace vtvc {

/// Which ∂L/∂z are made; the others are left at zero.
enum class Wanted { all, active };

/// How the products behind ∂L/∂z are made. bf16 rounds activations and gradients to eight bits (an error of
/// half a per cent of ∂z's size) for almost half the time; for training, never for checks of gradients. Where
/// has_bf16_products() is false, or the instruction set in use is not avx512, it is f32 all the same.
enum class Products { f32, bf16 };
bool has_bf16_products();

class Engine {
  public:
    /// The calling thread is one of `threads`; more sleep until there is work.
    explicit Engine(int threads);
    ~Engine();
    Engine(Engine&&) noexcept;
    Engine& operator=(Engine&&) noexcept;

    int threads() const;
    /// Memory kept from call to call.
    std::int64_t scratch_bytes() const;

    /// y_b = x_b W_bᵀ + bias_b with W_b = W0 + Σ_k z_bk τ_k. x [B, T, inputs] → y [B, T, outputs], dense; y
    /// may not overlap the inputs. NumericError: x does not fit the bank.
    /// With the packed transposed matrices, x = ∂L/∂y and no bias it makes ∂L/∂x.
    void product(const PackedBank& bank, const Activations& x, const Coefficients& z, const Bias& bias,
                 float* y);

    /// dz_bk = ⟨dyᵀ_b x_b, τ_k⟩. x [B, T, inputs], dy [B, T, outputs] → dz [B, tasks], dense; summed in an
    /// order that follows from the shapes and the instruction set. NumericError: x or dy do not fit.
    void coefficient_gradient(const PackedBank& bank, const Activations& x, const Activations& dy,
                              const Coefficients& z, Wanted wanted, float* dz,
                              Products products = Products::f32);

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The instruction set in use: avx512, avx2 or baseline.
std::string engine_isa();
/// Those that this processor can run, best first.
std::vector<std::string> engine_isas();
/// Takes another one of them; empty: the best. For tests and measurements, while no engine is at work.
/// ConfigError: this processor or build has none of that name.
void use_engine_isa(const std::string& name);

}  // namespace vtvc
