#include "checkpoint.hpp"

#include <torch/torch.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/training/tensors.hpp"

namespace vtvc {
namespace {
using Json = nlohmann::json;
namespace fs = std::filesystem;

std::int64_t step_of(const fs::path& path) {
    const std::string stem = path.stem().string();
    return std::stoll(stem.substr(stem.rfind('-') + 1));
}
}  // namespace

NamedTensors copies(const NamedTensors& tensors) {
    NamedTensors result;
    for (const auto& [name, tensor] : tensors) result.emplace_back(name, tensor.detach().clone());
    return result;
}

void assign(const NamedTensors& into, const NamedTensors& from) {
    const torch::NoGradGuard no_grad;
    for (std::size_t i = 0; i < into.size(); ++i) {
        if (into[i].first != from.at(i).first) {
            fail<StorageError>("checkpoint holds {} where {} belongs (it is of another model)", from[i].first,
                               into[i].first);
        }
        into[i].second.detach().copy_(from[i].second);
    }
}

CheckpointFolder::CheckpointFolder(RunContext& context, std::string phase)
    : context_(context), phase_(std::move(phase)), folder_(context.path / "checkpoints") {}

std::vector<fs::path> CheckpointFolder::newest_first() const {
    std::vector<fs::path> found;
    if (!fs::exists(folder_)) return found;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(phase_ + "-") && name.ends_with(".h5")) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end(),
              [](const auto& a, const auto& b) { return step_of(a) > step_of(b); });
    return found;
}

void CheckpointFolder::restore(LoopState& state, const NamedTensors& parameters,
                               torch::optim::AdamW& optimizer) {
    std::string chosen;
    std::int64_t start_bytes = 0;
    if (context_.root()) {
        for (const fs::path& path : newest_first()) {
            try {
                TensorFile::read(path, "checkpoint");
                chosen = path.string();
                break;
            } catch (const StorageError& error) {
                warn(fmt::format("checkpoint passed over: {}", error.what()));
            }
        }
        if (fs::exists(folder_)) {  // the metrics of phases that are done stay
            for (const auto& entry : fs::directory_iterator(folder_)) {
                if (!entry.path().filename().string().ends_with(".done.json")) continue;
                start_bytes =
                    std::max(start_bytes,
                             Json::parse(read_text(entry.path())).value("metrics_bytes", std::int64_t{0}));
            }
        }
    }
    chosen = broadcast_text(context_.comm, std::move(chosen));
    state.metrics_bytes = static_cast<std::uint64_t>(start_bytes);
    if (chosen.empty()) return;
    const TensorFile file = TensorFile::read(chosen, "checkpoint");
    const Json meta = Json::parse(file.meta);
    state.step = meta.at("step");
    state.metrics_bytes = meta.at("metrics_bytes");
    state.seconds = meta.at("seconds");
    state.last = meta.at("last").get<std::map<std::string, double>>();
    state.best = meta.at("best").get<std::map<std::string, double>>();
    const auto load = [&](const std::string& group) {
        NamedTensors loaded;
        for (const auto& [name, tensor] : parameters) {
            const auto found = file.tensors.find(group + name);
            if (found == file.tensors.end()) fail<StorageError>("{}: {}{} is missing", chosen, group, name);
            loaded.emplace_back(name, to_tensor(found->second));
        }
        return loaded;
    };
    assign(parameters, load("parameter/"));
    if (!state.best.empty() && meta.at("has_best")) state.best_parameters = load("best/");
    const auto bytes = file.tensors.at("optimizer").as<std::uint8_t>();
    std::istringstream stream(std::string(bytes.begin(), bytes.end()));
    torch::load(optimizer, stream);
    if (context_.root()) say(fmt::format("{}: goes on from step {}", phase_, state.step));
}

void CheckpointFolder::save(const LoopState& state, const NamedTensors& parameters,
                            torch::optim::AdamW& optimizer, const JsonLines* metrics) {
    if (!context_.root()) return;
    TensorFile file;
    file.kind = "checkpoint";
    file.meta = Json{{"phase", phase_},
                     {"step", state.step},
                     {"metrics_bytes", state.metrics_bytes},
                     {"seconds", state.seconds},
                     {"last", state.last},
                     {"best", state.best},
                     {"has_best", !state.best_parameters.empty()},
                     {"attempt", context_.folder->attempt()}}
                    .dump();
    for (const auto& [name, tensor] : parameters) file.tensors["parameter/" + name] = to_host(tensor);
    for (const auto& [name, tensor] : state.best_parameters) file.tensors["best/" + name] = to_host(tensor);
    std::ostringstream stream;
    torch::save(optimizer, stream);
    const std::string bytes = stream.str();
    file.tensors["optimizer"] = HostTensor::of<std::uint8_t>(
        {static_cast<std::int64_t>(bytes.size())},
        std::span(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()));
    // A copy of the folder: it stands at this step, whatever the loop does meanwhile.
    writing_.start([this, metrics, kept = std::move(file), run = *context_.folder,
                    path = folder_ / fmt::format("{}-{}.h5", phase_, state.step)]() mutable {
        if (metrics != nullptr) metrics->sync();  // it counts their bytes
        kept.write(path);
        const std::vector<fs::path> all = newest_first();
        for (std::size_t i = 2; i < all.size(); ++i) fs::remove(all[i]);
        run.status("RUNNING", phase_);
    });
}

void CheckpointFolder::settle() {
    writing_.wait();
    context_.comm.barrier();  // nobody leaves before the checkpoint is on disk
}

void CheckpointFolder::finish(const LoopResult& result, std::uint64_t metrics_bytes) {
    writing_.wait();
    fs::create_directories(folder_);
    write_atomically(folder_ / (phase_ + ".done.json"), Json{{"validation", result.validation},
                                                             {"seconds", result.seconds},
                                                             {"metrics_bytes", metrics_bytes},
                                                             {"attempt", context_.folder->attempt()}}
                                                            .dump());
}

}  // namespace vtvc
