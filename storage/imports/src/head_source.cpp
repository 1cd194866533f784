#include "head_source.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "vtvc/core/error.hpp"
#include "vtvc/imports/mapping.hpp"

namespace vtvc {

HeadSource HeadSource::open(const std::filesystem::path& path) {
    HeadSource source(path.string());
    if (path.extension() == ".npz" || path.extension() == ".npy")
        source.arrays_.emplace(NumpyFile::open(path));
    else
        source.checkpoint_.emplace(ForeignCheckpoint::open(path));
    return source;
}

const std::map<std::string, std::string>& HeadSource::notes() const {
    static const std::map<std::string, std::string> none;
    return arrays_ ? none : checkpoint_->notes();
}

const ForeignTensor* HeadSource::find(const std::string& name) const {
    const auto& all = tensors();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const ForeignTensor& t) { return t.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::vector<float> HeadSource::read(const std::string& name) const {
    const auto* tensor = find(name);
    if (tensor == nullptr) fail<StorageError>("{}: has no tensor '{}'", path_, name);
    std::vector<float> values(static_cast<std::size_t>(tensor->elements()));
    const auto index = static_cast<std::size_t>(tensor - tensors().data());
    if (checkpoint_) {
        checkpoint_->read_f32(index, values);
        return values;
    }
    if (tensor->type == ForeignType::f32) {
        arrays_->read(index, std::as_writable_bytes(std::span(values)));
    } else if (tensor->type == ForeignType::f64) {
        std::vector<double> wide(values.size());
        arrays_->read(index, std::as_writable_bytes(std::span(wide)));
        std::transform(wide.begin(), wide.end(), values.begin(),
                       [](double value) { return static_cast<float>(value); });
    } else {
        fail<StorageError>("{}: array '{}' is {}, a head is f32 or f64; save it with astype('float32')",
                           path_, name, name_of(tensor->type));
    }
    return values;
}

std::string HeadSource::matrices() const {
    std::string text;
    std::size_t count = 0;
    for (const auto& tensor : tensors()) {
        if (tensor.shape.size() != 2) continue;
        if (++count > 5) return text + ", …";
        text += fmt::format("{}'{}' {}", text.empty() ? "" : ", ", tensor.name, shape_text(tensor.shape));
    }
    return text.empty() ? "no tensor of two dimensions" : text;
}

}  // namespace vtvc
