// How long the network's forward takes beside the same arithmetic in torch's own operations, in one process,
// turn by turn: vtvc_forward_ratio [samples [repetitions]] for ViT-B/32 at 224 px. One JSON object; ratios of
// medians, above 1 where ours is slower. Ours is measured both as training calls it (one product over all
// samples) and as evaluation does (a sample's bits do not depend on its batch).
#include <fmt/format.h>
#include <torch/torch.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <functional>

#include "vtvc/composition/plain.hpp"
#include "vtvc/models/vit.hpp"

namespace {

using vtvc::ModelKeys;

ModelKeys base32() {
    ModelKeys keys;
    keys.image = 224;
    keys.channels = 3;
    keys.patch = 32;
    keys.width = 768;
    keys.depth = keys.heads = 12;
    keys.mlp = 3072;
    keys.output = 512;
    return keys;
}

/// CLIP's visual tower in torch's operations; w in the order of the blocks.
at::Tensor torchs_own(const at::Tensor& images, const std::vector<at::Tensor>& w, const ModelKeys& keys) {
    std::size_t at = 0;
    const auto next = [&]() -> const at::Tensor& { return w[at++]; };
    const auto norm = [&](const at::Tensor& x) {
        const at::Tensor &scale = next(), &shift = next();
        return at::layer_norm(x, {keys.width}, scale, shift);
    };
    const auto linear = [&](const at::Tensor& x) {
        const at::Tensor &weight = next(), &bias = next();
        return at::linear(x, weight, bias);
    };
    const std::int64_t samples = images.size(0), head = keys.width / keys.heads;
    at::Tensor x = at::conv2d(images, next(), {}, keys.patch).flatten(2).transpose(1, 2);
    x = at::cat({next().expand({samples, 1, keys.width}), x}, 1);
    x = norm(x + next());
    const std::int64_t tokens = x.size(1);
    for (std::int64_t i = 0; i < keys.depth; ++i) {
        const auto qkv =
            linear(norm(x)).view({samples, tokens, 3, keys.heads, head}).permute({2, 0, 3, 1, 4});
        const at::Tensor scores =
            at::matmul(qkv[0] / std::sqrt(static_cast<double>(head)), qkv[1].transpose(2, 3));
        x = x + linear(at::matmul(at::softmax(scores, -1), qkv[2]).transpose(1, 2).reshape_as(x));
        const at::Tensor hidden = linear(norm(x));
        x = x + linear(hidden * at::sigmoid(1.702 * hidden));
    }
    const at::Tensor features = norm(x.select(1, 0));
    return at::matmul(features, next());
}

double seconds(const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> values) {
    std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                     values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const std::int64_t samples = argc > 1 ? std::atoll(argv[1]) : 32;
    const int repetitions = argc > 2 ? std::atoi(argv[2]) : 5;
    at::set_num_threads(1);
    const ModelKeys keys = base32();
    const vtvc::Vit vit(keys);
    vtvc::PlainWeights weights(vit.initialise(1));
    torch::manual_seed(1);
    const at::Tensor images = at::randn({samples, keys.channels, keys.image, keys.image});
    at::Tensor ours, evaluated, theirs;
    std::vector<double> fastest, evaluation, torch_time;
    for (int i = 0; i <= repetitions; ++i) {  // the first turn warms up
        const double f = seconds([&] { ours = vit.forward(images, weights); });
        const torch::NoGradGuard no_grad;
        const double e = seconds([&] { evaluated = vit.forward(images, weights); });
        const double t = seconds([&] { theirs = torchs_own(images, weights.blocks(), keys); });
        if (i == 0) continue;
        fastest.push_back(f);
        evaluation.push_back(e);
        torch_time.push_back(t);
    }
    const double difference = ((ours - theirs).abs().max() / theirs.abs().max()).item<double>();
    fmt::print(
        "{{\"samples\":{},\"threads\":1,\"torch_s\":{:.4f},\"training_ratio\":{:.3f},\"evaluation_ratio\":{:."
        "3f},"
        "\"difference\":{:.2e}}}\n",
        samples, median(torch_time), median(fastest) / median(torch_time),
        median(evaluation) / median(torch_time), difference);
    return difference < 1e-4 ? 0 : 1;
}
