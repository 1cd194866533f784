// On the CPU straight to the BLAS that torch itself uses: OpenBLAS with Debian's package, MKL inside
// libtorch_cpu with PyTorch's own builds.
#include "vtvc/composition/batched_product.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <cstdlib>

#include "batched_product_device.hpp"
#include "vtvc/core/error.hpp"

extern "C" {
void sgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const float* alpha, const float* a, const int* lda, const float* b, const int* ldb,
            const float* beta, float* c, const int* ldc);
void dgemm_(const char* transpose_a, const char* transpose_b, const int* m, const int* n, const int* k,
            const double* alpha, const double* a, const int* lda, const double* b, const int* ldb,
            const double* beta, double* c, const int* ldc);
}

namespace vtvc {
namespace {

/// MKL rounds by where in memory an operand lies, and so by which samples stand before it, unless this is set
/// before its first call: hence before main. Whoever has set it is not overruled. It costs nothing
/// measurable.
[[maybe_unused]] const int kMklRoundsByShapeAlone = ::setenv("MKL_CBWR", "AUTO,STRICT", 0);

/// A batch of matrices as BLAS can take them: rows dense, or columns dense (transposed).
struct Matrices {
    at::Tensor tensor;
    bool transposed = false;
    int leading = 1;

    explicit Matrices(const at::Tensor& given) : tensor(given) {
        if (!fits()) {
            tensor = given.contiguous();
            fits();
        }
    }
    template <class T>
    T* at(std::int64_t outer, std::int64_t inner) const {
        const std::int64_t offset = tensor.dim() == 4 ? outer * tensor.stride(0) + inner * tensor.stride(1)
                                                      : inner * tensor.stride(0);
        return tensor.data_ptr<T>() + offset;
    }

  private:
    bool fits() {
        const std::int64_t rows = tensor.size(-2), columns = tensor.size(-1);
        const std::int64_t down = tensor.stride(-2), along = tensor.stride(-1);
        if ((along == 1 || columns == 1) && (down >= columns || rows == 1)) {
            transposed = false;
            leading = static_cast<int>(std::max<std::int64_t>(1, rows == 1 ? columns : down));
            return true;
        }
        transposed = true;
        leading = static_cast<int>(std::max<std::int64_t>(1, columns == 1 ? rows : along));
        return (down == 1 || rows == 1) && (along >= rows || columns == 1);
    }
};

void gemm(const char* ta, const char* tb, int m, int n, int k, float alpha, const float* a, int lda,
          const float* b, int ldb, float beta, float* c, int ldc) {
    sgemm_(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}
void gemm(const char* ta, const char* tb, int m, int n, int k, double alpha, const double* a, int lda,
          const double* b, int ldb, double beta, double* c, int ldc) {
    dgemm_(ta, tb, &m, &n, &k, &alpha, a, &lda, b, &ldb, &beta, c, &ldc);
}

template <class T>
void accumulate(const at::Tensor& out, const at::Tensor& stacked, const at::Tensor& z,
                const std::vector<std::int64_t>& order) {
    const std::int64_t n = out.size(1);
    const at::Tensor rows = z.contiguous();
    const T* bank = stacked.data_ptr<T>();
    for (std::int64_t b = 0; b < out.size(0); ++b) {
        T* row = out.data_ptr<T>() + b * n;
        const T* coefficients = rows.data_ptr<T>() + b * rows.size(1);
        std::copy(bank, bank + n, row);
        for (const std::int64_t k : order)
            if (const T z_k = coefficients[k]; z_k != 0)
                for (std::int64_t i = 0; i < n; ++i) row[i] += z_k * bank[(k + 1) * n + i];
    }
}

template <class T>
void run(const Matrices& out, const Matrices& a, const Matrices& b, T scale, T keep) {
    const at::Tensor& c = out.tensor;
    const std::int64_t outer = c.dim() == 4 ? c.size(0) : 1, inner = c.size(-3);
    const int m = static_cast<int>(c.size(-2)), n = static_cast<int>(c.size(-1));
    const int k = static_cast<int>(a.tensor.size(-1));
    // BLAS counts by columns: Cᵀ = Bᵀ Aᵀ is the row-wise product.
    for (std::int64_t i = 0; i < outer; ++i)
        for (std::int64_t j = 0; j < inner; ++j)
            gemm(b.transposed ? "T" : "N", a.transposed ? "T" : "N", n, m, k, scale, b.at<T>(i, j), b.leading,
                 a.at<T>(i, j), a.leading, keep, out.at<T>(i, j), out.leading);
}

}  // namespace

void batched_product_out(const at::Tensor& out, const at::Tensor& a, const at::Tensor& b, double scale,
                         double keep) {
    TORCH_CHECK(out.dim() >= 3 && out.dim() <= 4 && a.dim() == out.dim() && b.dim() == out.dim() &&
                    a.size(-1) == b.size(-2) && out.size(-2) == a.size(-2) && out.size(-1) == b.size(-1) &&
                    out.size(0) == a.size(0) && out.size(0) == b.size(0) && out.size(-3) == a.size(-3) &&
                    out.size(-3) == b.size(-3),
                "batched product of ", a.sizes(), " and ", b.sizes(), " into ", out.sizes());
    if (out.numel() == 0) return;
    if (!out.is_cpu()) return device_product_out(out, a, b, scale, keep);
    const Matrices c(out);
    TORCH_CHECK(!c.transposed && c.tensor.is_same(out), "a batched product writes dense rows only");
    switch (out.scalar_type()) {
        case at::kFloat:
            return run<float>(c, Matrices(a), Matrices(b), static_cast<float>(scale),
                              static_cast<float>(keep));
        case at::kDouble:
            return run<double>(c, Matrices(a), Matrices(b), scale, keep);
        default:
            fail<NumericError>("batched products are made of float or double, not {}",
                               at::toString(out.scalar_type()));
    }
}

void accumulate_out(const at::Tensor& out, const at::Tensor& stacked, const at::Tensor& z,
                    const std::vector<std::int64_t>& order) {
    TORCH_CHECK(out.is_contiguous() && stacked.is_contiguous() && out.size(0) == z.size(0) &&
                    out.size(1) == stacked.size(1) && stacked.size(0) == z.size(1) + 1,
                "sum of ", stacked.sizes(), " by ", z.sizes(), " into ", out.sizes());
    if (!out.is_cpu()) return device_accumulate_out(out, stacked, z, order);
    if (out.scalar_type() == at::kDouble) return accumulate<double>(out, stacked, z, order);
    return accumulate<float>(out, stacked, z, order);
}

at::Tensor batched_product(const at::Tensor& a, const at::Tensor& b) {
    at::Tensor out = at::empty({a.size(0), a.size(1), b.size(2)}, a.options());
    batched_product_out(out, a, b);
    return out;
}

}  // namespace vtvc
