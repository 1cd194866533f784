#include "networks.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>

#include "vtvc/core/random.hpp"

namespace vtvc {

namespace {
constexpr std::int64_t widest_hidden = 1024;  // method.md section 2, Sizes
constexpr std::int64_t widest_full_head = 4096;
constexpr std::int64_t rank_of_wide_heads = 64;
constexpr double wide_start_sd = .01;

std::int64_t head_rank(std::int64_t asked, std::int64_t inputs, std::int64_t outputs) {
    const std::int64_t rank = asked == 0 && outputs > widest_full_head ? rank_of_wide_heads : asked;
    return rank < std::min(inputs, outputs) ? rank : 0;  // a factor must save something
}

void fill_normal(at::Tensor& weight, double sd, std::uint64_t seed, std::uint64_t stream_id) {
    Stream stream(seed, Purpose::initialise, stream_id);
    at::Tensor values = at::empty(weight.sizes(), at::kFloat);
    std::generate_n(values.data_ptr<float>(), values.numel(),
                    [&] { return static_cast<float>(sd * stream.normal()); });
    at::NoGradGuard no_grad;
    weight.copy_(values);
}

template <class Scalar>
void multiply_rows(const at::Tensor& x, const at::Tensor& transposed, at::Tensor& y) {
    const std::int64_t inputs = x.size(1), outputs = y.size(1);
    const Scalar* const in = x.data_ptr<Scalar>();
    const Scalar* const weights = transposed.data_ptr<Scalar>();
    Scalar* const out = y.data_ptr<Scalar>();
    at::parallel_for(0, x.size(0), 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t row = first; row < last; ++row) {
            for (std::int64_t i = 0; i < inputs; ++i) {
                const Scalar value = in[row * inputs + i];
                for (std::int64_t o = 0; o < outputs; ++o) {
                    out[row * outputs + o] += value * weights[i * outputs + o];
                }
            }
        }
    });
}

// A BLAS picks its kernel, and with it the order of its sums, by the number of rows. In evaluation on the CPU
// each row is summed in one fixed order instead, so that no decision near a threshold hangs on the batch.
at::Tensor stable_linear(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias) {
    const bool known_type = x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble;
    if (at::GradMode::is_enabled() || !x.device().is_cpu() || !known_type) return at::linear(x, weight, bias);
    const std::vector<std::int64_t> shape{x.size(0), weight.size(0)};
    at::Tensor y = at::zeros(shape, x.options());
    if (bias.defined()) y.copy_(bias);
    const at::Tensor rows = x.contiguous(), transposed = weight.t().contiguous();
    if (x.scalar_type() == at::kFloat) {
        multiply_rows<float>(rows, transposed, y);
    } else {
        multiply_rows<double>(rows, transposed, y);
    }
    return y;
}

double he_sd(const at::Tensor& weight) { return std::sqrt(2.0 / static_cast<double>(weight.size(1))); }

// A trunk's or head's streams depend on its name, not on what else there is: a point posterior and a
// spike-and-slab one of the same seed start with the same network for μ.
std::uint64_t stream_base(const std::string& name) {
    if (name == "mean") return 0x100;
    if (name == "log_var") return 0x200;
    if (name == "logit") return 0x300;
    return 0x400;  // the shared trunk
}

void start_trunk(HiddenLayers& trunk, const std::string& name, Start start, std::uint64_t seed) {
    std::uint64_t stream = stream_base(name);
    for (const auto& layer : trunk.layers) {
        fill_normal(layer->weight, start == Start::wide ? wide_start_sd : he_sd(layer->weight), seed,
                    stream++);
    }
}

// Weights of zero make the head constant at its bias; behind a factor that is random, so that both can learn.
void start_head(Layer& head, const HeadPlan& plan, Start start, std::uint64_t seed) {
    const std::uint64_t stream = stream_base(plan.name) + 0x80;
    const bool wide = start == Start::wide;
    if (wide) fill_normal(head.weight, wide_start_sd, seed, stream);
    if (head.factor.defined())
        fill_normal(head.factor, wide ? wide_start_sd : he_sd(head.factor), seed, stream + 1);
    at::NoGradGuard no_grad;
    head.bias.fill_(plan.bias);
}
}  // namespace

Layer::Layer(std::int64_t inputs, std::int64_t outputs, std::int64_t rank) {
    weight = register_parameter("weight", at::zeros({outputs, rank > 0 ? rank : inputs}));
    bias = register_parameter("bias", at::zeros({outputs}));
    if (rank > 0) factor = register_parameter("factor", at::zeros({rank, inputs}));
}

at::Tensor Layer::forward(const at::Tensor& x) const {
    return stable_linear(factor.defined() ? stable_linear(x, factor, {}) : x, weight, bias);
}

HiddenLayers::HiddenLayers(std::int64_t inputs, const std::vector<std::int64_t>& widths) {
    for (std::size_t i = 0; i < widths.size(); ++i) {
        const std::int64_t width = std::min(widths[i], widest_hidden);
        layers.push_back(
            register_module("hidden" + std::to_string(i), std::make_shared<Layer>(inputs, width, 0)));
        inputs = width;
    }
}

at::Tensor HiddenLayers::forward(at::Tensor x, const at::Tensor& mask) const {
    std::int64_t first = 0;
    for (const auto& layer : layers) {
        x = layer->forward(x).relu();
        const std::int64_t width = x.size(1);
        if (mask.defined()) x = x * mask.narrow(1, first, width);
        first += width;
    }
    return x;
}

std::int64_t HiddenLayers::total_width() const {
    std::int64_t width = 0;
    for (const auto& layer : layers) width += layer->weight.size(0);
    return width;
}

PosteriorNetworks::PosteriorNetworks(std::int64_t inputs, const std::vector<HeadPlan>& plans,
                                     const PosteriorKeys& keys, std::uint64_t seed) {
    const auto add_trunk = [&](const std::string& name) {
        auto trunk = register_module(name + "_trunk", std::make_shared<HiddenLayers>(inputs, keys.hidden));
        start_trunk(*trunk, name, keys.start, seed);
        trunks_.push_back(trunk);
    };
    if (keys.trunk == Trunk::shared) add_trunk("shared");
    for (const HeadPlan& plan : plans) {
        if (keys.trunk == Trunk::separate) add_trunk(plan.name);
        const std::int64_t width =
            keys.hidden.empty() ? inputs : trunks_.back()->layers.back()->weight.size(0);
        const std::int64_t rank = head_rank(keys.rank, width, plan.outputs);
        auto head = register_module(plan.name, std::make_shared<Layer>(width, plan.outputs, rank));
        start_head(*head, plan, keys.start, seed);
        heads_.push_back(head);
    }
}

std::vector<at::Tensor> PosteriorNetworks::forward(const at::Tensor& x, const at::Tensor& mask) const {
    std::vector<at::Tensor> hidden, outputs;
    std::int64_t first = 0;
    for (const auto& trunk : trunks_) {
        const std::int64_t width = trunk->total_width();
        hidden.push_back(trunk->forward(x, mask.defined() ? mask.narrow(1, first, width) : mask));
        first += width;
    }
    for (std::size_t i = 0; i < heads_.size(); ++i) {
        outputs.push_back(heads_[i]->forward(trunks_.size() == 1 ? hidden[0] : hidden[i]));
    }
    return outputs;
}

std::int64_t PosteriorNetworks::mask_width() const {
    std::int64_t width = 0;
    for (const auto& trunk : trunks_) width += trunk->total_width();
    return width;
}

}  // namespace vtvc
