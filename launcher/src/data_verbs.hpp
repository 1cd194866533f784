#pragma once
// What the parts of vtvc data share: where a dataset file goes and what is said of it.
#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "output.hpp"
#include "vtvc/storage/dataset_writer.hpp"

namespace vtvc {

struct Destination {
    std::string out;
    bool json = false;

    void add_to(CLI::App& verb);
};

/// Runs a maker that writes to.out, then says what was written. more: added to the JSON document.
void make_and_report(const Destination& to, const std::function<DatasetSummary(Json& more)>& make);

DatasetSummary summary_of(const DatasetContents& contents);

/// vtvc data import …, in data_import.cpp.
void add_data_import(CLI::App& data);

}  // namespace vtvc
