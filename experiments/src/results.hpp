#pragma once
// Every number of a report, digested from predictions files: protocol → row of the table → data set → seed.
#include <cstdint>
#include <limits>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "scan.hpp"
#include "vtvc/core/metrics.hpp"
#include "vtvc/storage/predictions.hpp"

namespace vtvc::report {

inline constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// A table of numbers with named rows and columns; NaN where nothing is known.
struct Grid {
    std::vector<std::string> rows, columns;
    std::vector<double> values;  ///< row-major
    double at(std::size_t row, std::size_t column) const { return values[row * columns.size() + column]; }
    bool empty() const { return values.empty(); }
};
/// Mean of grids over the ones that have a row and column; rows and columns in the order they are first met.
Grid average_of(const std::vector<Grid>& grids);

struct GatePoint {
    double mean = 0, uncertainty = 0;
    bool kept = false;
};

/// A test sample for the page.
struct Example {
    std::int64_t id = 0;
    std::int32_t label = 0, predicted = 0, subdomain = -1;
    double probability = 0;              ///< of the predicted class
    std::vector<double> size_of_vector;  ///< K: Σ_j |z_kj| / J
};

/// One data set under one row and one seed.
struct Cell {
    std::string run;   ///< id
    std::string data;  ///< key of Results::datasets
    std::int64_t images = 0;
    double accuracy = nan, nll = nan, brier = nan, ece = nan, adaptive_ece = nan;
    double entropy_auroc = nan, epistemic_auroc = nan, epistemic = nan;
    double uncertain_accuracy = nan;  ///< of the tenth of images with the highest entropy
    double zeros = nan;               ///< share of coefficients that are exactly 0
    double active = nan;              ///< coefficients a sample that are not
    double inclusion = nan;           ///< mean of ρ
    double z_square = nan,
           z_variance = nan;  ///< mean over (k, j) of the mean square, and of the variance within the set
    std::vector<ReliabilityBin> reliability;
    std::vector<std::int64_t> ids;
    std::vector<double> correct, loss;  ///< image by image
    std::map<std::string, double> subdomain_accuracy;
    Grid hard_share, rho, size;  ///< sub-domain (or data set) × vector: share with a non-zero z, ρ, mean |z|
    Grid block_share;            ///< vector × block: share of samples with z_kj ≠ 0
    std::vector<GatePoint> gate;
    std::vector<std::string> vectors;
    std::vector<Example> examples;
};

/// A row of a protocol's table.
struct Row {
    std::string id;
    std::optional<bool> told;
    std::string partition, family;
    nlohmann::json gate = nlohmann::json::object();  ///< on, threshold, beta
    /// Of the last run read: values chosen on validation data, and the validation result.
    nlohmann::json selected = nlohmann::json::object(), validation = nlohmann::json::object();
    double train_rows = nan;
    std::vector<std::string> method_files;         ///< of every run, for finding the training run
    std::map<std::int64_t, double> train_seconds;  ///< by seed, summed over runs (targets)
    std::map<std::string, std::map<std::int64_t, Cell>> cells;  ///< data set, seed

    std::vector<double> values(const std::string& dataset, double Cell::*what) const;
    double value(const std::string& dataset, double Cell::*what) const;
    /// Mean over data sets of the mean over seeds.
    double average(double Cell::*what) const;
    /// The average of each seed that has every data set of the row.
    std::map<std::int64_t, double> seed_averages(double Cell::*what) const;
    double spread(double Cell::*what) const;  ///< sd of the above
    std::vector<std::int64_t> seeds() const;
    Grid grid(Grid Cell::*what) const;
};

struct ProtocolResults {
    std::string name;
    std::map<std::string, Row> rows;
    /// By method: rows whose z was replaced ("averaged", "shuffled").
    std::map<std::string, std::map<std::string, Row>> controls;
    std::vector<std::string> datasets;    ///< sorted
    std::vector<std::string> subdomains;  ///< heterogeneous
    std::set<std::string> banks;          ///< hashes
    std::set<std::string> heads;          ///< kinds of the frozen heads: prototype, text, …
    const Row* find(const std::string& id) const;
    std::vector<const Row*> in_order() const;  ///< as tables list them
    const Row* main_row() const;               ///< vtvc, or what stands for it in this protocol
    const Row* best_fixed() const;             ///< of the merges, by test accuracy; nullptr without one
};

struct DatasetInfo {
    std::string name, path, hash;
    std::vector<std::string> class_names, subdomain_names;
    std::int64_t height = 0, width = 0, channels = 0;
    bool readable = false;
};

struct Results {
    std::vector<ProtocolResults> protocols;
    std::map<std::string, DatasetInfo> datasets;  ///< by hash: two protocols may call different files alike
    std::map<std::string, std::string> banks;     ///< hash → a run that used it
    std::vector<std::string> notes;
};

Results collect(const Scan& scan);
/// The numbers of one set. subdomain_names may be short or empty: missing ones are numbered.
Cell digest(const PredictionsContents& file, const PredictionSet& set,
            const std::vector<std::string>& subdomain_names);

/// "VTVC, hard"; the id itself where no better name is known.
std::string method_name(const std::string& id);
/// Place in a table: merges first, individual last.
int method_place(const std::string& id);
std::string protocol_name(const std::string& id);

}  // namespace vtvc::report
