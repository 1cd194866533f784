// Files of ours that are whole, every checksum right, and say what cannot be: each is refused for its reason.
// What damage does to checksums is in damage_test.cpp.
#include <cmath>
#include <functional>
#include <map>

#include "h5_reader.hpp"
#include "h5_writer.hpp"
#include "support.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/bank_writer.hpp"
#include "vtvc/storage/head.hpp"
#include "vtvc/storage/model.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc {
namespace {

using test::expect_refused;
namespace fs = std::filesystem;

struct Stored {
    h5::Type type;
    h5::Shape shape;
    std::vector<std::byte> bytes;    ///< of numbers
    std::vector<std::string> texts;  ///< of text
};
struct Contents {
    std::map<std::pair<std::string, std::string>, h5::Value> attributes;
    std::map<std::string, Stored> arrays;

    h5::Value& attribute(const std::string& name, const std::string& object = "/") {
        return attributes[{object, name}];
    }
    void text(const std::string& name, std::vector<std::string> list) {
        auto& stored = arrays.at(name);
        if (!stored.shape.empty()) stored.shape = {static_cast<std::int64_t>(list.size())};
        stored.texts = std::move(list);
    }
    template <class T>
    void numbers(const std::string& name, h5::Shape shape, const std::vector<T>& values) {
        const auto bytes = std::as_bytes(std::span(values));
        arrays[name] = {h5::type_of<T>(), std::move(shape), {bytes.begin(), bytes.end()}, {}};
    }
};
using Change = std::function<void(Contents&)>;

/// The file at path once more, changed, with new checksums.
void rewrite(const fs::path& path, const std::string& kind, const Change& change) {
    Contents contents;
    const auto version =
        std::get<std::int64_t>(h5::read_index(h5::File::open(path))->attributes.at({"/", "vtvc_version"}));
    {
        const auto reader = h5::Reader::open(path, kind, version);
        contents.attributes = reader.index().attributes;
        for (const auto* stamp :
             {"vtvc_kind", "vtvc_version", "content_hash", "code_version", "created", "command"})
            contents.attributes.erase({"/", stamp});
        for (const auto& [name, array] : reader.index().arrays) {
            Stored stored{array.type, array.shape, std::vector<std::byte>(array.bytes()), {}};
            reader.read(name, 0, array.rows(), stored.bytes);
            if (array.type == h5::Type::text)
                stored.texts = array.shape.empty() ? std::vector{reader.text(name)} : reader.texts(name);
            contents.arrays.emplace(name, std::move(stored));
        }
    }
    change(contents);
    h5::Writer writer(path, kind, version, 0);
    for (const auto& [key, value] : contents.attributes) writer.attribute(key.first, key.second, value);
    for (const auto& [name, stored] : contents.arrays) {
        if (stored.type != h5::Type::text)
            writer.array(name, stored.type, stored.shape, stored.bytes);
        else if (stored.shape.empty())
            writer.text(name, stored.texts.at(0));
        else
            writer.texts(name, stored.texts);
    }
    writer.finish();
}

struct Lie {
    const char* about;
    Change change;
    std::vector<std::string> words;
};
/// Each lie, told in a file that write() makes, is refused by read() in these words.
void expect_refused_lies(const std::string& kind, const std::function<void(const fs::path&)>& write,
                         const std::function<void(const fs::path&)>& read, const std::vector<Lie>& lies) {
    const test::Folder folder;
    const auto path = folder / "lie.h5";
    write(path);
    rewrite(path, kind, [](Contents&) {});
    read(path);  // unchanged, it is read
    for (const auto& lie : lies) {
        SCOPED_TRACE(lie.about);
        write(path);
        rewrite(path, kind, lie.change);
        expect_refused([&] { read(path); }, lie.words);
    }
}

std::string deep(std::size_t levels) { return std::string(levels, '[') + std::string(levels, ']'); }

TEST(Deceit, Datasets) {
    using I32 = std::vector<std::int32_t>;
    const auto read = [](const fs::path& path) {
        const auto data = Dataset::open(path);
        for (const auto split : {Split::train, Split::validation, Split::test}) (void)data.read(split);
        (void)read_test_labels(path);
    };
    expect_refused_lies(
        "dataset", [](const auto& path) { write_dataset(path, test::small_dataset()); }, read,
        {{"height −1",
          [](auto& c) { c.attribute("height") = std::int64_t{-1}; },
          {"lie.h5", "-1 x 3 x 1", "no pixels"}},
         {"width 0", [](auto& c) { c.attribute("width") = std::int64_t{0}; }, {"no pixels"}},
         {"channels −1", [](auto& c) { c.attribute("channels") = std::int64_t{-1}; }, {"no pixels"}},
         {"width in words",
          [](auto& c) { c.attribute("width") = std::string("3"); },
          {"width", "not a whole number"}},
         {"no height",
          [](auto& c) {
              c.attributes.erase({"/", "height"});
          },
          {"no attribute height"}},
         {"name a number", [](auto& c) { c.attribute("name") = std::int64_t{3}; }, {"name", "not text"}},
         {"other height",
          [](auto& c) { c.attribute("height") = std::int64_t{3}; },
          {"'train/images'", "[5, 3, 3, 1]"}},
         {"one class", [](auto& c) { c.text("class_names", {"one"}); }, {"has 1 class names"}},
         {"label 7",
          [](auto& c) {
              c.numbers("train/labels", {5}, I32{0, 1, 7, 0, 1});
          },
          {"label 7 at row 2", "[0, 3)"}},
         {"label −1",
          [](auto& c) {
              c.numbers("sealed/test_labels", {4}, I32{0, -1, 1, 0});
          },
          {"label -1"}},
         {"labels too few",
          [](auto& c) { c.numbers("train/labels", {1}, I32{0}); },
          {"'train/labels'", "[5] is needed"}},
         {"ids of i32", [](auto& c) { c.numbers("train/ids", {5}, I32(5)); }, {"'train/ids' is i32"}},
         {"ids of two axes",
          [](auto& c) {
              c.numbers("train/ids", {5, 1}, std::vector<std::int64_t>(5));
          },
          {"'train/ids'"}},
         {"no groups", [](auto& c) { c.arrays.erase("test/groups"); }, {"'test/groups' is missing"}},
         {"no test rows",
          [](auto& c) { c.numbers("test/ids", {0}, std::vector<std::int64_t>()); },
          {"the test split has no samples"}}});
}

TEST(Deceit, Features) {
    expect_refused_lies(
        "features", [](const auto& path) { write_features(path, test::small_features()); },
        [](const fs::path& path) { (void)Features::open(path, "", "").read(Split::train); },
        {{"width −1", [](auto& c) { c.attribute("width") = std::int64_t{-1}; }, {"features of width -1"}},
         {"width 0", [](auto& c) { c.attribute("width") = std::int64_t{0}; }, {"features of width 0"}},
         {"width 3", [](auto& c) { c.attribute("width") = std::int64_t{3}; }, {"'train/features'", "[5, 3]"}},
         {"hash a list",
          [](auto& c) { c.attribute("model_hash") = std::vector<std::string>{"a"}; },
          {"model_hash", "not text"}},
         {"numbers of f64",
          [](auto& c) {
              c.numbers("test/features", {3, 2}, std::vector<double>(6));
          },
          {"'test/features' is f64"}}});
}

TEST(Deceit, Jacobians) {
    expect_refused_lies(
        "jacobian", [](const auto& path) { test::write_jacobian(path, JacobianStore::int8); },
        [](const fs::path& path) { (void)Jacobian::open(path).read(Split::train); },
        {{"store f64", [](auto& c) { c.attribute("store") = std::string("f64"); }, {"stored as 'f64'"}},
         {"store f32", [](auto& c) { c.attribute("store") = std::string("f32"); }, {"'train/jacobian'"}},
         {"no classes", [](auto& c) { c.attribute("classes") = std::int64_t{0}; }, {"0 classes"}},
         {"classes −1", [](auto& c) { c.attribute("classes") = std::int64_t{-1}; }, {"-1 classes"}},
         {"classes beyond counting",
          [](auto& c) { c.attribute("classes") = std::int64_t{1} << 62; },
          {"lie.h5"}},
         {"one name less", [](auto& c) { c.text("task_names", {"greek"}); }, {"'centre'"}},
         {"no names", [](auto& c) { c.text("coefficient_names", {}); }, {"lie.h5"}},
         {"expanded nowhere",
          [](auto& c) {
              c.numbers("centre", {2, 3}, std::vector<float>(6, std::nanf("")));
          },
          {"not a number"}},
         {"fewer logits",
          [](auto& c) {
              c.numbers("train/logits", {4, 2}, std::vector<float>(8));
          },
          {"'train/logits'"}},
         {"no scales", [](auto& c) { c.arrays.erase("train/scales"); }, {"'train/scales' is missing"}}});
}

void write_bank(const fs::path& path) {
    BankPlan plan{"base",
                  "{}",
                  "{}",
                  {{"w", {4, 8}}, {"b", {4}}},
                  {{"one", "h", {StorageKind::int8, 0}}, {"two", "", {StorageKind::low_rank, 1}}}};
    BankWriter writer(path, plan);
    for (std::int64_t j = 0; j < 2; ++j) {
        const std::vector<float> values(j == 0 ? 32 : 4, .5F);
        writer.put_base(j, values);
        writer.put_task(j, 0, values);
        writer.put_task(j, 1, values);
        if (j == 0) writer.put_exact(j, 0, std::vector<std::int32_t>{3}, std::vector<float>{1});
    }
    writer.finish();
}

TEST(Deceit, Banks) {
    const auto read = [](const fs::path& path) {
        const auto bank = Bank::open(path);
        for (std::int64_t j = 0; j < 2; ++j)
            for (std::int64_t k = 0; k < 2; ++k) {
                std::vector<float> values(
                    static_cast<std::size_t>(bank.blocks()[static_cast<std::size_t>(j)].elements()));
                bank.read_task(j, k, values);
                bank.restore(j, k, values);
            }
    };
    const auto far = [](auto& c) { c.attribute("first_row", "factors/two/w/0") = std::int64_t{1} << 62; };
    expect_refused_lies(
        "bank", write_bank, read,
        {{"no tasks", [](auto& c) { c.text("task_names", {}); }, {"no task vectors"}},
         {"a task more",
          [](auto& c) {
              c.text("task_names", {"a", "b", "c"});
          },
          {"'task_hashes'"}},
         {"a block more",
          [](auto& c) {
              c.text("blocks", {"w", "b", "x"});
          },
          {"'base/x' is missing"}},
         {"kind 9",
          [](auto& c) {
              c.numbers("storage", {2, 2}, std::vector<std::uint8_t>{9, 1, 1, 1});
          },
          {"unknown here (9)"}},
         {"kind f32",
          [](auto& c) {
              c.numbers("storage", {2, 2}, std::vector<std::uint8_t>{1, 1, 1, 1});
          },
          {"'tasks/one/w' is i8"}},
         {"no scales", [](auto& c) { c.arrays.erase("scales/one/w"); }, {"'scales/one/w' is missing"}},
         {"rows far away", far, {"is for rows [4611686018427387904", "has 4"}},
         {"rows before",
          [](auto& c) { c.attribute("first_row", "factors/two/w/0") = std::int64_t{-1}; },
          {"is for rows [-1"}},
         {"too many rows",
          [](auto& c) {
              c.numbers("factors/two/w/0/left", {9, 1}, std::vector<float>(9));
          },
          {"is for rows [0, 0 + 9)"}},
         {"other rank",
          [](auto& c) {
              c.numbers("factors/two/w/0/left", {4, 2}, std::vector<float>(8));
          },
          {"'factors/two/w/0/right'", "[2, 8]"}},
         {"base of f64",
          [](auto& c) { c.numbers("base/b", {4}, std::vector<double>(4)); },
          {"'base/b' is f64"}},
         {"norms of one",
          [](auto& c) {
              c.attribute("norms") = h5::Reals{{1}, {1}};
          },
          {"norms", "real numbers of shape [2]"}},
         {"norm a number",
          [](auto& c) { c.attribute("base_norm") = std::int64_t{1}; },
          {"base_norm", "real numbers"}},
         {"number 99",
          [](auto& c) { c.numbers("exact/one/w/at", {1}, std::vector<std::int32_t>{99}); },
          {"number 99", "has 32"}},
         {"number −1",
          [](auto& c) { c.numbers("exact/one/w/at", {1}, std::vector<std::int32_t>{-1}); },
          {"number -1"}},
         {"values missing",
          [](auto& c) { c.numbers("exact/one/w/value", {0}, std::vector<float>()); },
          {"'exact/one/w/value'"}},
         {"notes no JSON", [](auto& c) { c.text("notes", {"{"}); }, {"'notes'", "is not JSON"}},
         {"model deep",
          [](auto& c) { c.text("model", {deep(20000)}); },
          {"'model'", "nested deeper than 64"}}});
}

TEST(Deceit, Predictions) {
    const std::string group = "sets/greek/monte_carlo";
    const auto size = [&](const char* name, std::int64_t value) {
        return [=](Contents& c) { c.attribute(name, group) = value; };
    };
    expect_refused_lies(
        "predictions", [](const auto& path) { write_predictions(path, test::small_predictions()); },
        [](const fs::path& path) { (void)read_predictions(path); },
        {{"rows −1", size("rows", -1), {"rows of '" + group + "' is negative"}},
         {"rows 3", size("rows", 3), {"ids' is i64 of shape [2]"}},
         {"tasks −1", size("tasks", -1), {"is negative"}},
         {"classes 2^62", size("classes", std::int64_t{1} << 62), {"probabilities"}},
         {"no mode",
          [&](auto& c) {
              c.attributes.erase({group, "mode"});
          },
          {"no attribute mode"}},
         {"another set",
          [](auto& c) {
              c.text("set_names", {"greek/monte_carlo", "x/y"});
          },
          {"'sets/x/y' has no attribute"}},
         {"no ids", [&](auto& c) { c.arrays.erase(group + "/ids"); }, {"ids' is missing"}},
         {"whole probabilities",
          [&](auto& c) {
              c.numbers(group + "/probabilities", {2, 2}, std::vector<std::int32_t>(4));
          },
          {"probabilities' is i32"}},
         {"meta no JSON", [](auto& c) { c.text("meta", {"nothing"}); }, {"meta text is not JSON"}},
         {"meta deep", [](auto& c) { c.text("meta", {deep(20000)}); }, {"meta text is nested deeper"}}});
}

TEST(Deceit, TensorFiles) {
    expect_refused_lies(
        "model", [](const auto& path) { test::small_model().write(path); },
        [](const fs::path& path) { (void)TensorFile::read(path, "model"); },
        {{"meta no JSON", [](auto& c) { c.text("meta", {"{]"}); }, {"meta text is not JSON"}},
         {"meta deep", [](auto& c) { c.text("meta", {deep(20000)}); }, {"meta text is nested deeper"}},
         {"a key twice", [](auto& c) { c.text("meta", {R"({"a":1,"a":2})"}); }, {"key twice"}},
         {"no meta", [](auto& c) { c.arrays.erase("meta"); }, {"'meta' is missing"}},
         {"bytes with sign",
          [](auto& c) { c.numbers("tensors/x", {1}, std::vector<std::int8_t>(1)); },
          {"tensor 'x' is i8"}}});
}

TEST(Deceit, Heads) {
    const auto write = [](const fs::path& path) {
        HeadContents head;
        head.classes = head.width = 2;
        head.weight = {1, 0, 0, 1};
        head.base_hash = "base";
        write_head(path, head);
    };
    const auto meta = [](const char* text) { return [=](Contents& c) { c.text("meta", {text}); }; };
    expect_refused_lies(
        "head", write, [](const fs::path& path) { (void)read_head(path); },
        {{"kind unknown", meta(R"({"head":"oracle","base_hash":"b"})"), {"its head is 'oracle'"}},
         {"kind a number", meta(R"({"head":3,"base_hash":"b"})"), {"cannot be read"}},
         {"scale in words", meta(R"({"scale":"ten","base_hash":"b"})"), {"cannot be read"}},
         {"scale 0", meta(R"({"scale":0,"base_hash":"b"})"), {"scale is 0"}},
         {"no base", meta("{}"), {"names no base"}},
         {"a list", meta("[]"), {"not a JSON object"}},
         {"names too few", meta(R"({"base_hash":"b","class_names":["a"]})"), {"1 class names"}},
         {"mlp without a layer", meta(R"({"base_hash":"b","head":"mlp"})"), {"kind mlp with 0 hidden"}},
         {"weight a vector",
          [](auto& c) { c.numbers("tensors/weight", {4}, std::vector<float>(4)); },
          {"2 dimensions are needed"}},
         {"weight of i32",
          [](auto& c) {
              c.numbers("tensors/weight", {2, 2}, std::vector<std::int32_t>(4));
          },
          {"asked for as f32"}},
         {"weight empty",
          [](auto& c) {
              c.numbers("tensors/weight", {0, 2}, std::vector<float>());
          },
          {"a head of 0 classes"}},
         {"bias too short",
          [](auto& c) { c.numbers("tensors/bias", {1}, std::vector<float>(1)); },
          {"bias has 1 values"}},
         {"hidden without weight",
          [](auto& c) {
              c.numbers("tensors/hidden_weight", {3, 2}, std::vector<float>(6));
          },
          {"hidden"}},
         {"not a number",
          [](auto& c) {
              c.numbers("tensors/weight", {2, 2}, std::vector<float>{1, 2, NAN, 4});
          },
          {"nan at element 2"}}});
}

TEST(Deceit, ShapesWhoseRowsCannotBe) {
    EXPECT_EQ(h5::elements_of({0, 5}, "x"), 0);
    expect_refused(
        [] {
            (void)h5::elements_of({0, std::int64_t{1} << 40, std::int64_t{1} << 40}, "x");
        },
        {"x: impossible shape"});
    expect_refused(
        [] {
            (void)h5::elements_of({std::int64_t{1} << 40, std::int64_t{1} << 40, 0}, "x");
        },
        {"impossible shape"});
    expect_refused([] { (void)h5::elements_of({-1}, "x"); }, {"impossible shape"});
}

TEST(Deceit, AModelOfAMillionLayersIsNotListed) {
    ModelKeys keys;
    keys.depth = 1 << 20;
    EXPECT_THROW((void)model_blocks(keys), ConfigError);
    keys.depth = 4096;
    EXPECT_EQ(model_blocks(keys).size(), 12 * 4096U + 8);
}

}  // namespace
}  // namespace vtvc
