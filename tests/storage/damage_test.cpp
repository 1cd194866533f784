// No damage crashes a reader or changes what it returns: it either says StorageError or the bytes did not
// matter.
#include <functional>
#include <sstream>

#include "support.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/test_labels.hpp"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

namespace vtvc {
namespace {

// Opening a file makes HDF5 allocate megabytes, which sanitizers make slow: they see fewer of the positions.
// What HDF5 itself leaks when its own tables are damaged is no finding about us.
#if defined(__SANITIZE_ADDRESS__)
constexpr std::size_t kSparser = 12;
using LeaksOfHdf5 = __lsan::ScopedDisabler;
#else
constexpr std::size_t kSparser = 1;
struct LeaksOfHdf5 {};
#endif

template <class T>
void put(std::ostream& out, const std::vector<T>& values) {
    for (const auto& value : values) out << value << ' ';
    out << '\n';
}

/// How to write a file of one kind, and to read all of it as text.
struct Kind {
    const char* name;
    std::function<void(const std::filesystem::path&)> write;
    std::function<std::string(const std::filesystem::path&)> read;
    friend std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }
};

std::string read_model(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto file = TensorFile::read(path, "model");
    out << file.meta << '\n';
    for (const auto& [name, tensor] : file.tensors) {
        out << name << static_cast<int>(tensor.type);
        put(out, tensor.shape);
        for (const auto byte : tensor.bytes) out << static_cast<int>(byte) << ' ';
    }
    return out.str();
}

std::string read_dataset(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto data = Dataset::open(path);
    out << data.name() << data.hash() << data.height() << ' ' << data.width() << ' ' << data.channels();
    put(out, data.class_names());
    put(out, data.group_names());
    put(out, data.subdomain_names());
    for (const auto split : {Split::train, Split::validation, Split::test}) {
        const auto rows = data.read(split);
        put(out, std::vector<int>(rows.images.begin(), rows.images.end()));
        put(out, rows.labels);
        put(out, rows.ids);
        put(out, rows.groups);
        put(out, rows.subdomains);
    }
    put(out, read_test_labels(path));
    return out.str();
}

std::string read_jacobian(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto jacobian = Jacobian::open(path);
    const auto& about = jacobian.about();
    out << jacobian.hash() << about.origin.bank_hash << about.origin.partition << about.classes;
    for (const auto& name : about.origin.task_names) out << name;
    put(out, about.centre);
    for (const auto split : {Split::train, Split::validation}) {
        const auto rows = jacobian.read(split);
        put(out, rows.ids);
        put(out, rows.logits);
        put(out, jacobian.floats(rows));
    }
    return out.str();
}

std::string read_all_features(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto features = Features::open(path, "", "");
    out << features.hash() << features.dataset_hash() << features.model_hash();
    for (const auto split : {Split::train, Split::validation, Split::test}) {
        const auto rows = features.read(split);
        put(out, rows.values);
        put(out, rows.ids);
    }
    return out.str();
}

std::string read_all_predictions(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto contents = read_predictions(path);
    out << contents.meta;
    put(out, contents.task_names);
    put(out, contents.coefficient_names);
    for (const auto& set : contents.sets) {
        out << set.dataset << set.mode << set.rows << set.classes << set.tasks << set.coefficients
            << set.gate_rows;
        put(out, set.ids);
        put(out, set.labels);
        put(out, set.subdomains);
        put(out, set.probabilities);
        put(out, set.epistemic);
        put(out, set.coefficient_values);
        put(out, set.inclusion);
        put(out, set.mean);
        put(out, set.uncertainty);
    }
    return out.str();
}

void write_bank(const std::filesystem::path& path) {
    const test::Folder folder;
    auto model = test::small_model();
    model.tensors.erase("real");  // a bank holds f32 only
    model.write(folder / "base.h5");
    auto tuned = model;
    tuned.meta = R"({"model":{"width":2},"base_hash":")" + model.content_hash() + "\"}";
    tuned.tensors.at("conv1.weight").as<float>()[1] = 9;
    tuned.write(folder / "tuned.h5");
    build_bank(path, folder / "base.h5", {{"first", folder / "tuned.h5"}}, {1, 3, {}});
}

std::string read_bank(const std::filesystem::path& path) {
    std::ostringstream out;
    const auto bank = Bank::open(path);
    out << bank.hash() << bank.base_hash() << bank.model_meta() << bank.base_norm();
    put(out, bank.task_names());
    for (std::size_t j = 0; j < bank.blocks().size(); ++j) {
        out << bank.blocks()[j].name;
        std::vector<float> values(static_cast<std::size_t>(bank.blocks()[j].elements()));
        const auto block = static_cast<std::int64_t>(j);
        bank.read_base(block, values);
        put(out, values);
        for (std::int64_t k = 0; k < bank.tasks(); ++k) {
            bank.read_task(block, k, values);
            out << bank.norm(k) << ' ';
            put(out, values);
        }
    }
    return out.str();
}

class Damage : public testing::TestWithParam<Kind> {
  protected:
    Damage() {
        GetParam().write(folder_ / "whole.h5");
        whole_ = test::bytes_of(folder_ / "whole.h5");
        text_ = GetParam().read(folder_ / "whole.h5");
    }
    /// What reading the damaged file gives; empty after a StorageError. Anything else thrown fails the test.
    std::string read() {
        try {
            return GetParam().read(folder_ / "damaged.h5");
        } catch (const StorageError& error) {
            EXPECT_NE(std::string(error.what()).find("damaged.h5"), std::string::npos) << error.what();
            return "";
        }
    }
    /// The same of a copy with one byte changed by a mask.
    std::string read_flipped(std::size_t at, int mask) {
        if (!std::filesystem::exists(folder_ / "damaged.h5")) test::put_bytes(folder_ / "damaged.h5", whole_);
        const auto put_byte = [&](char byte) {
            std::fstream file(folder_ / "damaged.h5", std::ios::binary | std::ios::in | std::ios::out);
            file.seekp(static_cast<std::streamoff>(at)).put(byte);
            EXPECT_TRUE(file.flush().good());
        };
        put_byte(static_cast<char>(whole_[at] ^ mask));
        auto text = read();
        put_byte(whole_[at]);
        return text;
    }
    LeaksOfHdf5 ignored_;  // from the start: HDF5 leaks blocks that it had taken for something else before
    test::Folder folder_;
    std::string whole_, text_;
};

TEST_P(Damage, EveryTruncationIsRefused) {
    std::vector<std::size_t> sizes{whole_.size() - 1};
    for (std::size_t size = 0; size < whole_.size(); size += kSparser * (size < 128 ? 1 : 61))
        sizes.push_back(size);
    for (const auto size : sizes) {
        test::put_bytes(folder_ / "damaged.h5", whole_.substr(0, size));
        ASSERT_EQ(read(), "") << "cut to " << size << " of " << whole_.size() << " bytes";
    }
}

TEST_P(Damage, AFlippedByteIsRefusedOrDoesNotMatter) {
    int noticed = 0, tried = 0;
    for (std::size_t at = 0; at < whole_.size(); at += 5 * kSparser) {
        const auto text = read_flipped(at, tried % 2 == 0 ? 0xFF : 0x04);
        ASSERT_TRUE(text.empty() || text == text_) << "byte " << at << " changed what is read";
        ++tried;
        noticed += text.empty() ? 1 : 0;
    }
    EXPECT_GT(noticed, tried / 4);  // the rest is unused room between HDF5's objects
}

TEST_P(Damage, AFlippedByteOfTheDataIsRefused) {
    const auto raw = [](const auto& values) {
        return std::string(reinterpret_cast<const char*>(values.data()), values.size() * sizeof values[0]);
    };
    const std::string name = GetParam().name;
    const auto needle = name == "Dataset"       ? raw(test::small_dataset().test.images)
                        : name == "Features"    ? raw(test::small_features().train.values)
                        : name == "Jacobian"    ? raw(test::jacobian_values(5, .37F))
                        : name == "Predictions" ? raw(test::small_predictions().sets[0].coefficient_values)
                                                : raw(std::vector<float>{1, 2, 3, 4, 5, 6});
    const auto at = whole_.find(needle);
    ASSERT_NE(at, std::string::npos);
    for (std::size_t i = 0; i < needle.size(); i += kSparser)
        EXPECT_EQ(read_flipped(at + i, 1), "") << "byte " << i;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, Damage,
    testing::Values(
        Kind{"Model", [](const auto& path) { test::small_model().write(path); }, read_model},
        Kind{"Dataset", [](const auto& path) { write_dataset(path, test::small_dataset()); }, read_dataset},
        Kind{"Features", [](const auto& path) { write_features(path, test::small_features()); },
             read_all_features},
        Kind{"Predictions", [](const auto& path) { write_predictions(path, test::small_predictions()); },
             read_all_predictions},
        Kind{"Jacobian", [](const auto& path) { test::write_jacobian(path, JacobianStore::f32); },
             read_jacobian},
        Kind{"Bank", write_bank, read_bank}),
    [](const auto& test_info) { return test_info.param.name; });

}  // namespace
}  // namespace vtvc
