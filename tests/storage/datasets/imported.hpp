#pragma once
// What an import wrote, read back with the labels of its test split.
#include <unistd.h>

#include <filesystem>
#include <string>

#include "vtvc/storage/dataset_writer.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace vtvc::test {

template <class Sources>
DatasetContents imported(DatasetSummary (*import)(const Sources&, const std::filesystem::path&),
                         const Sources& sources) {
    const auto path =
        std::filesystem::temp_directory_path() / ("vtvc_imported_" + std::to_string(::getpid()) + ".h5");
    const DatasetSummary summary = import(sources, path);
    const auto file = Dataset::open(path);
    DatasetContents contents;
    static_cast<DatasetHead&>(contents) = summary.head;
    contents.train = file.read(Split::train);
    contents.validation = file.read(Split::validation);
    contents.test = file.read(Split::test);
    contents.test.labels = read_test_labels(path.string());
    std::filesystem::remove(path);
    return contents;
}

}  // namespace vtvc::test
