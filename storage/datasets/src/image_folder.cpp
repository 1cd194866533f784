#include "image_folder.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 16;

struct SplitFolder {
    std::string_view name;
    Split split;
};
constexpr std::array<SplitFolder, 5> kSplitFolders{{{"train", Split::train},
                                                    {"val", Split::validation},
                                                    {"valid", Split::validation},
                                                    {"validation", Split::validation},
                                                    {"test", Split::test}}};

/// Pictures by their names, those that cannot be read included: they are to be reported, not passed over.
bool named_as_picture(const fs::path& file) {
    constexpr std::array<std::string_view, 17> endings{".jpg",  ".jpeg", ".jpe",  ".jfif", ".png", ".ppm",
                                                       ".pgm",  ".pnm",  ".pbm",  ".bmp",  ".tif", ".tiff",
                                                       ".webp", ".gif",  ".avif", ".heic", ".jp2"};
    std::string ending = file.extension().string();
    std::transform(ending.begin(), ending.end(), ending.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return std::find(endings.begin(), endings.end(), ending) != endings.end();
}

std::vector<fs::directory_entry> sorted_entries(const fs::path& folder) {
    std::error_code error;
    std::vector<fs::directory_entry> entries;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
        entries.push_back(*at);
    if (error) fail<StorageError>("cannot list {} ({})", folder.string(), error.message());
    std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
        return a.path().filename().native() < b.path().filename().native();
    });
    return entries;
}

bool hidden(const fs::directory_entry& entry) { return entry.path().filename().native().front() == '.'; }
bool is_folder(const fs::directory_entry& entry) {
    std::error_code gone;  // a dangling link is no folder
    return entry.is_directory(gone);
}

class Finder {
  public:
    explicit Finder(const fs::path& root) : root_(root) {}

    ImageFolder find() {
        std::error_code error;
        if (!fs::is_directory(root_, error))
            fail<StorageError>("{} is not a folder (of images, a folder a class)", root_.string());
        const auto entries = sorted_entries(root_);
        const auto split_of = [](const fs::directory_entry& entry) -> const SplitFolder* {
            const auto found = std::find_if(
                kSplitFolders.begin(), kSplitFolders.end(),
                [&](const auto& known) { return entry.path().filename().native() == known.name; });
            return found != kSplitFolders.end() && is_folder(entry) ? &*found : nullptr;
        };
        std::array<std::optional<fs::path>, 3> places;
        for (const auto& entry : entries)
            if (const auto* known = split_of(entry)) {
                auto& place = places[static_cast<std::size_t>(known->split)];
                if (place)
                    fail<StorageError>(
                        "{} has both {} and {} (one split cannot be two folders); move one away",
                        root_.string(), place->filename().string(), entry.path().filename().string());
                place = entry.path();
                found_.has_splits = true;
            }
        if (!found_.has_splits) {
            scan(root_, Split::train);
        } else {
            if (!places[0])
                fail<StorageError>(
                    "{} has a folder of a split but none called train (a classifier needs training rows)",
                    root_.string());
            for (const auto& entry : entries)
                if (split_of(entry) == nullptr) leave_out(entry);
            found_.has_validation = places[1].has_value();
            found_.has_test = places[2].has_value();
            for (const auto split : {Split::train, Split::validation, Split::test})
                if (const auto& place = places[static_cast<std::size_t>(split)]) scan(*place, split);
        }
        std::sort(found_.left_out.begin(), found_.left_out.end());
        return std::move(found_);
    }

  private:
    std::string relative(const fs::path& path) const {
        return path.lexically_relative(root_).generic_string();
    }
    void leave_out(const fs::directory_entry& entry) { found_.left_out.push_back(relative(entry.path())); }

    /// The class folders of a split. Those of train, which comes first, are the classes.
    void scan(const fs::path& folder, Split split) {
        for (const auto& entry : sorted_entries(folder)) {
            if (hidden(entry) || !is_folder(entry)) {
                leave_out(entry);
                continue;
            }
            const std::string name = entry.path().filename().string();
            if (split == Split::train) found_.class_names.push_back(name);
            const auto known = std::lower_bound(found_.class_names.begin(), found_.class_names.end(), name);
            if (known == found_.class_names.end() || *known != name)
                fail<StorageError>("class '{}' is in {} but not in train (nothing would learn it)", name,
                                   folder.string());
            const auto before = found_.images.size();
            walk(entry.path(), static_cast<std::int32_t>(known - found_.class_names.begin()), split, 1);
            if (found_.images.size() == before)
                fail<StorageError>("class '{}' has no images in {}; remove the folder or add some", name,
                                   folder.string());
        }
        if (found_.class_names.size() < 2)
            fail<StorageError>(
                "{} has {} class folders (a classifier needs two at least; each class is a folder)",
                folder.string(), found_.class_names.size());
    }

    void walk(const fs::path& folder, std::int32_t label, Split split, int depth) {
        for (const auto& entry : sorted_entries(folder)) {
            if (hidden(entry)) {
                leave_out(entry);
            } else if (is_folder(entry)) {
                if (entry.is_symlink() || depth == kMaxDepth)
                    leave_out(entry);
                else
                    walk(entry.path(), label, split, depth + 1);
            } else if (named_as_picture(entry.path())) {
                found_.images.push_back({relative(entry.path()), label, split});
            } else {
                leave_out(entry);
            }
        }
    }

    fs::path root_;
    ImageFolder found_;
};

}  // namespace

ImageFolder find_images(const fs::path& folder) { return Finder(folder).find(); }

}  // namespace vtvc
