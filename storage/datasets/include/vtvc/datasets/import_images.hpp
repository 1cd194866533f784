#pragma once
// A folder of JPEG, PNG and netpbm pictures, one folder a class, into a dataset file: decoded and
// preprocessed on all cores, never all in memory.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vtvc/core/error.hpp"
#include "vtvc/core/schema.hpp"
#include "vtvc/images/decode.hpp"
#include "vtvc/images/resize.hpp"
#include "vtvc/storage/dataset_writer.hpp"

namespace vtvc {

/// What becomes of the import when pictures cannot be read: none is made, or they are left out.
enum class OnCorrupt { fail, skip };
template <>
struct EnumNames<OnCorrupt> {
    static constexpr std::array<std::string_view, 2> names{"fail", "skip"};
};

struct ImageSources {
    std::filesystem::path folder;  ///< FOLDER/{train,val,test}/CLASS/… or FOLDER/CLASS/…
    std::string name;
    Preprocessing steps = {};
    Colour colour = Colour::rgb;
    OnCorrupt on_corrupt = OnCorrupt::fail;
    double validation = .1;  ///< share of train where there is no val folder
    double test = 0;         ///< share of train where there is no test folder; needed then
    /// A regular expression (ECMAScript) searched in each file's name; its first bracket, or all that it
    /// matches, is the row's group. Shares are then cut by whole groups. Empty: no groups, shares are cut by
    /// class.
    std::string groups_by = {};
    std::uint64_t seed = 0;
    int threads = 0;  ///< 0: one a core
};

struct BadImage {
    std::string path, reason;
};
struct ImageReport {
    DatasetSummary written;
    std::vector<BadImage> skipped;  ///< in the order of the files
    std::vector<std::string>
        left_out;  ///< files that are no pictures by their names, hidden ones, stray folders
};

/// Some pictures could not be read; all of them are named.
class BadImages : public StorageError {
  public:
    BadImages(const std::string& what, std::vector<BadImage> images)
        : StorageError(what), images_(std::move(images)) {}
    const std::vector<BadImage>& images() const { return images_; }

  private:
    std::vector<BadImage> images_;
};

/// Ids count the files by split, class and path; rows of a split lie in random order. The file depends on the
/// files' bytes and the settings, not on threads. BadImages when pictures cannot be read and on_corrupt is
/// fail (every file has been tried then); ConfigError for impossible settings; StorageError as find_images
/// and the dataset writer.
ImageReport import_images(const ImageSources& sources, const std::filesystem::path& out);

}  // namespace vtvc
