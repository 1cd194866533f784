#include "vtvc/storage/features.hpp"

#include "dataset_layout.hpp"
#include "h5_writer.hpp"

namespace vtvc {

namespace {

constexpr const char* kKind = "features";
constexpr std::int64_t kVersion = 1;
const FeatureRows& part(const FeaturesContents& contents, Split split) {
    return split == Split::train        ? contents.train
           : split == Split::validation ? contents.validation
                                        : contents.test;
}

void check_part(const FeatureRows& part, std::int64_t width, Split split) {
    const auto rows = static_cast<std::size_t>(part.rows);
    if (part.rows < 0 || part.ids.size() != rows ||
        part.values.size() != rows * static_cast<std::size_t>(width) ||
        (part.rows > 0 && part.width != width))
        fail<StorageError>(
            "features of the {} split do not fit together: {} rows of width {} (the train split's is {}), {} "
            "values, "
            "{} ids",
            split_name(split), part.rows, part.width, width, part.values.size(), part.ids.size());
}

void compare_hash(const h5::Reader& reader, const char* of, const std::string& recorded,
                  const std::string& needed) {
    if (!needed.empty() && recorded != needed)
        reader.refuse(
            "was computed from another {} (content hash {} recorded, {} needed); compute the features again",
            of, recorded, needed);
}

}  // namespace

void write_features(const std::filesystem::path& path, const FeaturesContents& contents) {
    const auto width = contents.train.width;
    if (width < 1) fail<StorageError>("features need a width of 1 at least, the train split's is {}", width);
    std::uint64_t bytes = 0;
    for (const auto split : kSplits) {
        check_part(part(contents, split), width, split);
        bytes += static_cast<std::uint64_t>(part(contents, split).rows * (4 * width + 8));
    }
    h5::Writer writer(path, kKind, kVersion, bytes);
    writer.attribute("/", "dataset_hash", contents.dataset_hash);
    writer.attribute("/", "model_hash", contents.model_hash);
    writer.attribute("/", "width", width);
    for (const auto split : kSplits) {
        const auto& rows = part(contents, split);
        writer.array(split_name(split) + "/features", {rows.rows, width}, rows.values,
                     h5::rows_per_mib(4 * width));
        writer.array(split_name(split) + "/ids", {rows.rows}, rows.ids);
    }
    writer.finish();
}

Features Features::open(const std::filesystem::path& path, const std::string& dataset_hash,
                        const std::string& model_hash) {
    const auto reader = h5::Reader::open(path, kKind, kVersion);
    Features features;
    features.path_ = path.string();
    features.hash_ = reader.content_hash();
    features.dataset_hash_ = reader.text_attribute("/", "dataset_hash");
    features.model_hash_ = reader.text_attribute("/", "model_hash");
    features.width_ = reader.integer("/", "width");
    if (features.width_ < 1) reader.refuse("features of width {} (1 at least is needed)", features.width_);
    compare_hash(reader, "data set", features.dataset_hash_, dataset_hash);
    compare_hash(reader, "model", features.model_hash_, model_hash);
    for (const auto split : kSplits) {
        const auto name = split_name(split);
        const auto rows = reader.about(name + "/ids").rows();
        reader.expect(name + "/ids", h5::Type::i64, {rows});
        reader.expect(name + "/features", h5::Type::f32, {rows, features.width_});
    }
    return features;
}

FeatureRows Features::read(Split split, std::int64_t first, std::int64_t count) const {
    const auto reader = h5::Reader::open(path_, kKind, kVersion);
    if (reader.content_hash() != hash_)
        reader.refuse("was replaced since it was opened (content {} then, {} now)", hash_,
                      reader.content_hash());
    const auto name = split_name(split);
    const auto range = clip_rows(path_, reader.about(name + "/ids").rows(), first, count);
    FeatureRows rows{range.count, width_, {}, {}};
    rows.values = reader.rows<float>(name + "/features", {-1, width_}, range.first, range.count);
    rows.ids = reader.rows<std::int64_t>(name + "/ids", {-1}, range.first, range.count);
    return rows;
}

}  // namespace vtvc
