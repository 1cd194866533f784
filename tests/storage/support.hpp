#pragma once
// What the tests of storage share: a folder of their own, small valid contents of each kind, a check of
// messages.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <string>
#include <vector>

#include "../scratch.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc::test {

class Folder : public Scratch {
  public:
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path()), {}));
    }
};

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void put_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    ASSERT_TRUE(out.flush().good());
}

/// The call must throw a StorageError whose message holds every given part.
template <class Call>
void expect_refused(Call call, const std::vector<std::string>& parts) {
    try {
        call();
    } catch (const StorageError& error) {
        for (const auto& part : parts)
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
                << "'" << part << "' is not in: " << error.what();
        return;
    }
    ADD_FAILURE() << "nothing was refused";
}

/// Rows with ids from first_id; images count up; labels alternate.
inline SplitData split_of(std::int64_t rows, std::int64_t first_id, std::int32_t group,
                          std::int64_t image_bytes) {
    SplitData data;
    for (std::int64_t i = 0; i < rows; ++i) {
        data.ids.push_back(first_id + i);
        data.labels.push_back(static_cast<std::int32_t>((first_id + i) % 3));
        data.groups.push_back(i == 0 ? -1 : group);
        data.subdomains.push_back(static_cast<std::int32_t>(i % 2) - 1);
        for (std::int64_t b = 0; b < image_bytes; ++b)
            data.images.push_back(static_cast<std::uint8_t>(first_id + 7 * i + b));
    }
    return data;
}

inline DatasetContents small_dataset() {
    DatasetContents contents;
    contents.name = "shapes";
    contents.height = 2;
    contents.width = 3;
    contents.channels = 1;
    contents.class_names = {"circle", "Δ", "square"};
    contents.group_names = {"first", "second", "third"};
    contents.subdomain_names = {"only"};
    contents.origin = "made for tests";
    contents.train = split_of(5, 0, 0, 6);
    contents.validation = split_of(2, 100, 1, 6);
    contents.test = split_of(4, 200, 2, 6);
    return contents;
}

inline FeaturesContents small_features() {
    const auto part = [](std::int64_t rows, float start) {
        FeatureRows made{rows, 2, {}, {}};
        for (std::int64_t i = 0; i < rows; ++i) {
            made.ids.push_back(10 * i);
            made.values.insert(made.values.end(), {start + static_cast<float>(i), -start});
        }
        return made;
    };
    return {"dataset-hash", "model-hash", part(5, .5F), part(0, 0), part(3, 2.25F)};
}

inline PredictionsContents small_predictions() {
    PredictionsContents contents;
    contents.meta = R"({"protocol":"addition","method":"vtvc","seed":0})";
    contents.task_names = {"greek", "digits"};
    contents.coefficient_names = {"a", "b", "c"};
    PredictionSet full;
    full.dataset = "greek";
    full.mode = "monte_carlo";
    full.rows = 2;
    full.classes = 2;
    full.tasks = 2;
    full.coefficients = 3;
    full.gate_rows = 1;
    full.ids = {7, 9};
    full.labels = {1, 0};
    full.subdomains = {0, -1};
    full.probabilities = {.25F, .75F, .5F, .5F};
    full.epistemic = {.125F, 0};
    full.coefficient_values = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
    full.inclusion = {.5F, 1, 0, .25F};
    full.mean = {1, 0, 1, 0, 1, 0};
    full.uncertainty = {0, 1, 0, 1, 0, 1};
    PredictionSet least;
    least.dataset = "digits";
    least.mode = "mean";
    least.rows = 1;
    least.ids = {3};
    contents.sets = {full, least};
    return contents;
}

inline TensorFile small_model() {
    TensorFile file;
    file.kind = "model";
    file.meta = R"({"model":{"width":2}})";
    const std::vector<float> weight{1, 2, 3, 4, 5, 6};
    const std::vector<std::int64_t> step{42};
    const std::vector<std::uint8_t> bytes{0, 255};
    const std::vector<double> real{-.5};
    const std::vector<std::int32_t> none;
    file.tensors["conv1.weight"] = HostTensor::of<float>({2, 3}, weight);
    file.tensors["state/step"] = HostTensor::of<std::int64_t>({}, step);
    file.tensors["state/bytes"] = HostTensor::of<std::uint8_t>({2}, bytes);
    file.tensors["real"] = HostTensor::of<double>({1, 1}, real);
    file.tensors["empty"] = HostTensor::of<std::int32_t>({0, 4}, none);
    return file;
}

}  // namespace vtvc::test
