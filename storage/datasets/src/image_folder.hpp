#pragma once
// What lies in an ImageFolder: found and named, nothing opened.
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "vtvc/storage/dataset.hpp"

namespace vtvc {

struct FoundImage {
    std::string path;  ///< relative to the folder
    std::int32_t label = 0;
    Split split = Split::train;
};

struct ImageFolder {
    bool has_splits = false;  ///< DIR/{train,val,test}/CLASS/…; else DIR/CLASS/… and all is train
    bool has_validation = false, has_test = false;
    std::vector<std::string> class_names;  ///< folders of train, sorted by their bytes
    std::vector<FoundImage> images;        ///< by split, then class, then path
    std::vector<std::string>
        left_out;  ///< sorted: hidden, no picture by its name, or no place among the classes
};

/// Class folders are searched to a depth of 16. Links to files and to class folders are followed, links to
/// folders below a class are not. StorageError: unreadable, no classes, a class without images, a class of
/// validation or test that train does not have, a test or val folder without a train folder.
ImageFolder find_images(const std::filesystem::path& folder);

}  // namespace vtvc
