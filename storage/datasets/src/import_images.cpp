#include "vtvc/datasets/import_images.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>
#include <regex>
#include <thread>
#include <utility>

#include "cut.hpp"
#include "image_folder.hpp"
#include "rows.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/in_order.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc {
namespace {

constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{1} << 30;
constexpr std::int64_t kAheadPerThread = 16;  // results that may wait for an earlier one

struct Groups {
    std::vector<std::int32_t> of_image;  // −1 without groups
    std::vector<std::string> names;      // sorted
};

Groups group_images(const ImageFolder& found, const std::string& pattern) {
    Groups groups{std::vector<std::int32_t>(found.images.size(), -1), {}};
    if (pattern.empty()) return groups;
    std::vector<std::string> keys;
    try {
        const std::regex expression(pattern, std::regex::ECMAScript);
        for (const auto& image : found.images) {
            const std::string file = std::filesystem::path(image.path).filename().string();
            std::smatch match;
            if (!std::regex_search(file, match, expression))
                fail<ConfigError>(
                    "the groups' expression '{}' is not in the name of {} (every image has a group)", pattern,
                    image.path);
            keys.push_back(match[match.size() > 1 ? 1 : 0].str());
        }
    } catch (const std::regex_error& error) {
        fail<ConfigError>("the groups' expression '{}' cannot be read ({})", pattern, error.what());
    }
    groups.names = keys;
    std::sort(groups.names.begin(), groups.names.end());
    groups.names.erase(std::unique(groups.names.begin(), groups.names.end()), groups.names.end());
    for (std::size_t i = 0; i < keys.size(); ++i)
        groups.of_image[i] = static_cast<std::int32_t>(
            std::lower_bound(groups.names.begin(), groups.names.end(), keys[i]) - groups.names.begin());
    return groups;
}

/// Moves a share of train to another split.
void cut_from_train(ImageFolder& found, const Groups& groups, Split to, double share,
                    const ImageSources& sources) {
    std::vector<std::size_t> rows;
    std::vector<std::int32_t> labels, group_numbers;
    for (std::size_t i = 0; i < found.images.size(); ++i)
        if (found.images[i].split == Split::train) {
            rows.push_back(i);
            labels.push_back(found.images[i].label);
            group_numbers.push_back(groups.of_image[i]);
        }
    const Cut cut{.share = share, .seed = sources.seed, .which = static_cast<std::uint64_t>(to)};
    const std::string place = sources.folder.string();
    const auto chosen = groups.names.empty() ? cut_by_class(labels, found.class_names, cut, place)
                                             : cut_by_group(group_numbers, cut, place);
    std::vector<std::int64_t> left(found.class_names.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (chosen[i])
            found.images[rows[i]].split = to;
        else
            ++left[static_cast<std::size_t>(labels[i])];
    }
    const auto lost = std::find(left.begin(), left.end(), 0);
    if (lost != left.end())
        fail<StorageError>(
            "class '{}' has no training image left (its groups all went to {}); choose other groups, "
            "another seed, or cut by class",
            found.class_names[static_cast<std::size_t>(lost - left.begin())], split_name(to));
}

void check_settings(const ImageSources& sources, const ImageFolder& found) {
    check(sources.steps);
    if (sources.threads < 0 || sources.threads > 1024)
        fail<ConfigError>("{} threads (0 to 1024 are possible; 0: one a core)", sources.threads);
    if (!found.has_validation) check_share(sources.validation, "validation share");
    if (found.has_test && sources.test != 0)
        fail<ConfigError>(
            "{} has a test folder, so no share of train is cut for it; leave the test share out",
            sources.folder.string());
    if (!found.has_test) {
        if (sources.test == 0)
            fail<ConfigError>(
                "{} has no test folder (a data set needs test rows); say which share of train to cut, "
                "such as --test .2, or name the folder test",
                sources.folder.string());
        check_share(sources.test, "test share");
    }
}

/// Files in the order in which their rows are stored: split by split, each shuffled.
std::vector<std::size_t> storage_order(const ImageFolder& found, std::uint64_t seed) {
    std::vector<std::size_t> order;
    for (const auto split : {Split::train, Split::validation, Split::test}) {
        std::vector<std::size_t> rows;
        for (std::size_t i = 0; i < found.images.size(); ++i)
            if (found.images[i].split == split) rows.push_back(i);
        shuffle_order(rows, seed, split);
        order.insert(order.end(), rows.begin(), rows.end());
    }
    return order;
}

/// Pixels, or why there are none.
struct Decoded {
    Image image;
    std::string problem;
};

Decoded decode_file(const std::filesystem::path& path, const ImageSources& sources) {
    try {
        std::error_code error;
        const auto bytes = std::filesystem::file_size(path, error);
        if (!error && bytes > kMaxFileBytes)
            fail<StorageError>("the file has {} bytes ({} are the most)", bytes, kMaxFileBytes);
        const std::string file = read_text(path);
        const Image image = decode_image(std::as_bytes(std::span(file)), sources.colour);
        return {preprocess(image, sources.steps), {}};
    } catch (const StorageError& error) {
        return {{}, error.what()};
    }
}

std::string origin_text(const ImageSources& sources, const ImageFolder& found, std::size_t skipped) {
    const auto name_of = [](auto value) {
        return EnumNames<decltype(value)>::names[static_cast<std::size_t>(value)];
    };
    std::string text =
        fmt::format("images of folder {}: shorter side to {} pixels ({}), middle {} x {}, {}",
                    std::filesystem::absolute(sources.folder).lexically_normal().filename().string(),
                    sources.steps.resize, name_of(sources.steps.filter), sources.steps.crop,
                    sources.steps.crop, name_of(sources.colour));
    const std::string by = sources.groups_by.empty() ? "class" : "groups '" + sources.groups_by + "'";
    if (!found.has_validation) text += fmt::format("; validation share {} by {}", sources.validation, by);
    if (!found.has_test) text += fmt::format("; test share {} by {}", sources.test, by);
    if (skipped > 0) text += fmt::format("; {} of {} images could not be read", skipped, found.images.size());
    return text + fmt::format("; seed {}", sources.seed);
}

}  // namespace

ImageReport import_images(const ImageSources& sources, const std::filesystem::path& out) {
    ImageFolder found = find_images(sources.folder);
    check_settings(sources, found);
    const Groups groups = group_images(found, sources.groups_by);
    if (!found.has_test) cut_from_train(found, groups, Split::test, sources.test, sources);
    if (!found.has_validation) cut_from_train(found, groups, Split::validation, sources.validation, sources);

    DatasetHead head;
    head.name = sources.name;
    head.height = head.width = sources.steps.crop;
    head.channels = channels_of(sources.colour);
    head.class_names = found.class_names;
    head.group_names = groups.names;
    const auto order = storage_order(found, sources.seed);
    std::array<std::int64_t, 3> rows{};
    for (const auto& image : found.images) ++rows[static_cast<std::size_t>(image.split)];
    std::optional<DatasetWriter> writer(std::in_place, out, head, rows);

    std::map<std::size_t, std::string> bad;  // by file
    const auto total = static_cast<std::int64_t>(order.size());
    const int threads = sources.threads > 0
                            ? sources.threads
                            : std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
    Progress progress("import", total, "images");
    in_order(
        total, threads, kAheadPerThread * threads,
        [&](std::int64_t row) {
            return decode_file(sources.folder / found.images[order[static_cast<std::size_t>(row)]].path,
                               sources);
        },
        [&](std::int64_t row, Decoded&& decoded) {
            const std::size_t file = order[static_cast<std::size_t>(row)];
            if (!decoded.problem.empty()) {
                bad.emplace(file, std::move(decoded.problem));
                if (sources.on_corrupt == OnCorrupt::fail)
                    writer.reset();  // the rest is tried, to name them all
            } else if (writer) {
                SplitData one;
                append_row(one, {.image = decoded.image.pixels,
                                 .label = found.images[file].label,
                                 .id = static_cast<std::int64_t>(file),
                                 .group = groups.of_image[file]});
                writer->append(found.images[file].split, one);
            }
            progress.update(row + 1, bad.empty() ? "" : fmt::format("{} cannot be read", bad.size()));
        });

    ImageReport report;
    for (const auto& [file, reason] : bad) report.skipped.push_back({found.images[file].path, reason});
    if (!writer) {
        const std::string problem = fmt::format(
            "{} of {} images in {} cannot be read (the first: {}, {}); mend or remove them, or leave them "
            "out with --on-corrupt skip",
            bad.size(), total, sources.folder.string(), report.skipped[0].path, report.skipped[0].reason);
        throw BadImages(problem, std::move(report.skipped));
    }
    writer->set_origin(origin_text(sources, found, bad.size()));
    report.written = writer->finish();
    report.left_out = std::move(found.left_out);
    return report;
}

}  // namespace vtvc
