// A file of ours with right checksums, whatever it says (described_file.hpp): opened as its kind, and all of
// it read. The first byte says which kind. What a reader accepts must fit together, and a writer must be able
// to write it.
#include <nlohmann/json.hpp>

#include "described_file.hpp"
#include "fuzz.hpp"
#include "origin.hpp"
#include "own_samples.hpp"
#include "vtvc/imports/export.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/features.hpp"
#include "vtvc/storage/head.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/predictions.hpp"
#include "vtvc/storage/tensor_file.hpp"
#include "vtvc/storage/test_labels.hpp"
#include "vtvc/storage/verify.hpp"

namespace vtvc::fuzz {
namespace {

namespace fs = std::filesystem;

void expect(bool holds) {
    if (!holds) std::abort();
}

/// Of what was read, now and then: writing takes far longer than reading.
template <class Write>
void sometimes_written(std::size_t size, Write write) {
    if (size % 256 == 0) write();
}

void read_dataset(const fs::path& path, std::size_t) {
    const auto data = Dataset::open(path);
    const auto image = data.height() * data.width() * data.channels();
    expect(image > 0 && data.classes() >= 2);
    for (const auto split : {Split::train, Split::validation, Split::test})
        for (const std::int64_t first : {0, 1}) {
            const auto rows = data.read(split, first, first);
            expect(static_cast<std::int64_t>(rows.images.size()) == rows.rows() * image);
            for (const auto label : rows.labels) expect(label >= 0 && label < data.classes());
        }
    (void)read_test_labels(path);
}

void read_features(const fs::path& path, std::size_t size) {
    const auto features = Features::open(path, "", "");
    FeaturesContents all{features.dataset_hash(), features.model_hash(), {}, {}, {}};
    for (auto [split, rows] : {std::pair{Split::train, &all.train},
                               {Split::validation, &all.validation},
                               {Split::test, &all.test}}) {
        *rows = features.read(split);
        expect(static_cast<std::int64_t>(rows->ids.size()) == rows->rows && rows->width >= 1 &&
               static_cast<std::int64_t>(rows->values.size()) == rows->rows * rows->width);
    }
    sometimes_written(size, [&] { write_features(path, all); });
    expect(features.read(Split::test).ids == all.test.ids);
}

void read_bank(const fs::path& path, std::size_t) {
    const auto bank = Bank::open(path);
    const auto tasks = bank.tasks();
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(bank.blocks().size()); ++j) {
        const auto& block = bank.blocks()[static_cast<std::size_t>(j)];
        std::vector<float> values(static_cast<std::size_t>(block.elements()));
        bank.read_base(j, values);
        const auto rows = block.shape.empty() ? 1 : block.shape[0];
        for (std::int64_t k = 0; k < tasks; ++k) {
            bank.read_task(j, k, values);
            bank.restore(j, k, values);
            if (rows > 1)
                bank.read_task_rows(j, k, 1, 1,
                                    std::span(values).first(values.size() / static_cast<std::size_t>(rows)));
            (void)bank.norm(k), (void)bank.cosine(k, 0), (void)bank.stored_bytes(k), (void)bank.task_hash(k),
                (void)bank.rounding(k);
        }
    }
    for (const auto how : {Partition::tensor, Partition::module, Partition::layer, Partition::model})
        expect(partition_blocks(how, bank.blocks()).index.size() == bank.blocks().size());
    (void)model_blocks(model_keys(bank.model_meta()));
}

void read_predicted(const fs::path& path, std::size_t size) {
    const auto contents = read_predictions(path);
    for (const auto& set : contents.sets) {
        const auto whole = static_cast<std::size_t>(set.rows * set.tasks * set.coefficients);
        expect(set.coefficient_values.empty() || set.coefficient_values.size() == whole);
    }
    const auto& samples = Samples::only();
    if (!contents.sets.empty() && !contents.sets[0].ids.empty())
        (void)sample_coefficients(samples.bank(), path, "", contents.sets[0].ids[0]);
    sometimes_written(size, [&] { write_predictions(path, contents); });
}

void read_tensors(const fs::path& path, const std::string& kind, std::size_t size) {
    const auto file = TensorFile::read(path, kind);
    for (const auto& [name, tensor] : file.tensors)
        expect(tensor.bytes.size() == static_cast<std::size_t>(tensor.elements()) * size_of(tensor.type));
    sometimes_written(size, [&] {
        file.write(path);
        expect(content_hash_of(path.string()) == file.content_hash());
    });
}

void read_model(const fs::path& path, std::size_t size) {
    read_tensors(path, "model", size);
    const auto meta = nlohmann::json::parse(TensorFile::read(path, "model").meta);
    if (!meta.is_object()) return;
    if (meta.contains("origin")) (void)to_json(origin_from_json(meta["origin"].dump(), "input"));
    if (meta.contains("model")) (void)model_blocks(model_keys(meta["model"].dump()));
}

void read_classifier(const fs::path& path, std::size_t size) {
    const auto head = read_head(path);
    sometimes_written(size, [&] {
        write_head(path, head);
        expect(read_head(path).weight == head.weight);
    });
}

void read_method(const fs::path& path, std::size_t size) {
    read_tensors(path, "method", size);
    const auto& bank = Samples::only().bank();
    for (const auto* dataset : {"", "one", "two"}) {
        const auto z = method_coefficients(bank, path, dataset);
        expect(z.size() == static_cast<std::size_t>(bank.tasks()) && z[0].size() == bank.blocks().size());
    }
}

void read_as(OwnKind kind, const fs::path& path, std::size_t size) {
    switch (kind) {
        case OwnKind::dataset:
            return read_dataset(path, size);
        case OwnKind::features:
            return read_features(path, size);
        case OwnKind::bank:
            return read_bank(path, size);
        case OwnKind::predictions:
            return read_predicted(path, size);
        case OwnKind::model:
            return read_model(path, size);
        case OwnKind::head:
            return read_classifier(path, size);
        case OwnKind::method:
            return read_method(path, size);
        case OwnKind::checkpoint:
            return read_tensors(path, "checkpoint", size);
    }
}

}  // namespace
}  // namespace vtvc::fuzz

extern "C" int LLVMFuzzerInitialize(int*, char***) {
    vtvc::fuzz::write_seeds_if_asked([](auto put) {
        for (const auto& sample : vtvc::fuzz::Samples::only().files())
            put(sample.name, static_cast<char>(sample.kind) + vtvc::fuzz::described(sample.path));
    });
    return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace vtvc::fuzz;
    const auto& samples = Samples::only();
    static const Scratch scratch;
    const auto path = scratch / "input.h5";
    Pieces pieces(data, size);
    const auto kind = static_cast<OwnKind>(pieces.number() % kOwnKinds);
    return one_request([&] {
        lay_out(pieces, name_of(kind), kind == OwnKind::bank ? 2 : 1, {"{bank}", samples.bank().hash()},
                path);
        (void)vtvc::verify_file(path, 1);
        read_as(kind, path, size);
    });
}
