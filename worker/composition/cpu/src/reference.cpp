#include "vtvc/composition/reference.hpp"

namespace vtvc {
namespace {

double weight(const StackedMatrices& m, std::int64_t matrix, std::int64_t output, std::int64_t input) {
    return m.data[matrix * m.matrix_stride + output * m.output_stride + input * m.input_stride];
}
double value(const Activations& x, std::int64_t sample, std::int64_t token, std::int64_t i) {
    return x.data[sample * x.sample_stride + token * x.token_stride + i * x.width_stride];
}

}  // namespace

std::vector<double> product_reference(const StackedMatrices& bank, const Activations& x,
                                      const Coefficients& z, const Bias& bias) {
    std::vector<double> y, composed(static_cast<std::size_t>(bank.inputs));
    y.resize(static_cast<std::size_t>(x.samples * x.tokens * bank.outputs));
    for (std::int64_t b = 0; b < x.samples; ++b)
        for (std::int64_t o = 0; o < bank.outputs; ++o) {
            for (std::int64_t i = 0; i < bank.inputs; ++i) {
                double w = weight(bank, 0, o, i);
                for (std::int64_t k = 0; k < bank.tasks; ++k) {
                    const double own = z.data[b * z.sample_stride + k * z.task_stride];
                    if (own != 0) w += own * weight(bank, k + 1, o, i);
                }
                composed[static_cast<std::size_t>(i)] = w;
            }
            for (std::int64_t t = 0; t < x.tokens; ++t) {
                double sum = bias.data == nullptr ? 0 : bias.data[b * bias.sample_stride + o];
                for (std::int64_t i = 0; i < bank.inputs; ++i)
                    sum += value(x, b, t, i) * composed[static_cast<std::size_t>(i)];
                y[static_cast<std::size_t>((b * x.tokens + t) * bank.outputs + o)] = sum;
            }
        }
    return y;
}

std::vector<double> coefficient_gradient_reference(const StackedMatrices& bank, const Activations& x,
                                                   const Activations& dy) {
    std::vector<double> dz(static_cast<std::size_t>(x.samples * bank.tasks));
    for (std::int64_t b = 0; b < x.samples; ++b)
        for (std::int64_t o = 0; o < bank.outputs; ++o)
            for (std::int64_t i = 0; i < bank.inputs; ++i) {
                double dw = 0;
                for (std::int64_t t = 0; t < x.tokens; ++t) dw += value(dy, b, t, o) * value(x, b, t, i);
                for (std::int64_t k = 0; k < bank.tasks; ++k)
                    dz[static_cast<std::size_t>(b * bank.tasks + k)] += dw * weight(bank, k + 1, o, i);
            }
    return dz;
}

}  // namespace vtvc
