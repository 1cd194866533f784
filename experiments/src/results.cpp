// Collects the predictions of evaluate runs into protocols, rows, data sets and seeds.
#include "results.hpp"

#include <algorithm>
#include <set>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/test_labels.hpp"

namespace fs = std::filesystem;

namespace vtvc::report {
namespace {

using nlohmann::json;

// Written files say null for what was not measured.
double real(const json& object, const char* key) {
    return object.contains(key) && object[key].is_number() ? object[key].get<double>() : 0;
}
std::string text(const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

std::string row_suffix(const std::string& mode) {
    if (mode == "hard") return "_hard";
    return mode == "monte_carlo" ? "_mc" : "";
}

class Collector {
  public:
    explicit Collector(Results& out) : out_(out) {}

    void take(const Run& run) {
        const PredictionsContents file = read_predictions(run.folder / "predictions.h5");
        const json meta = json::parse(file.meta, nullptr, false);
        if (!meta.is_object() || !meta.contains("protocol") || !meta.contains("method"))
            fail<StorageError>("predictions of run {} name no protocol or method (their meta says: {})",
                               run.name, file.meta);
        std::map<std::string, std::string>
            data;  // name in this run → hash: names differ in meaning between runs
        for (const json& dataset : meta.value("datasets", json::array()))
            data[text(dataset, "name")] = describe(dataset);
        if (const auto bank = text(meta, "bank_hash"); !bank.empty()) out_.banks.emplace(bank, run.name);
        for (const json& note : meta.value("notes", json::array()))
            if (note.is_string()) out_.notes.push_back(run.name + ": " + note.get<std::string>());

        ProtocolResults& protocol = protocols_[meta.at("protocol").get<std::string>()];
        for (const json& dataset : meta.value("datasets", json::array()))
            if (const auto head = text(dataset, "head"); !head.empty()) protocol.heads.insert(head);
        if (const auto bank = text(meta, "bank_hash"); !bank.empty()) protocol.banks.insert(bank);
        const std::string method = meta.at("method");
        const auto seed = static_cast<std::int64_t>(real(meta, "seed"));
        std::set<std::string> timed;
        for (const PredictionSet& set : file.sets) {
            if (set.labels.empty()) {
                out_.notes.push_back(run.name + ": data set " + set.dataset +
                                     " has no labels and is left out.");
                continue;
            }
            Row& row = row_of(protocol, method, set.mode);
            describe(row, meta);
            if (timed.insert(set.mode).second) row.train_seconds[seed] += real(meta, "train_seconds");
            const DatasetInfo& info = out_.datasets[data[set.dataset]];
            check_labels(set, info, run.name);
            Cell cell = digest(file, set, info.subdomain_names);
            cell.run = run.id;
            cell.data = data[set.dataset];
            if (!row.cells[set.dataset].emplace(seed, std::move(cell)).second)
                out_.notes.push_back("Two runs give " + row.id + " on " + set.dataset + " with seed " +
                                     std::to_string(seed) + "; " + run.name +
                                     " is the later one and is left out.");
        }
    }

    void finish() {
        for (auto& [name, protocol] : protocols_) {
            protocol.name = name;
            std::set<std::string> datasets, subdomains, files;
            for (const auto& [id, row] : protocol.rows)
                for (const auto& [dataset, seeds] : row.cells) {
                    datasets.insert(dataset);
                    for (const auto& [seed, cell] : seeds) {
                        files.insert(cell.data);
                        for (const auto& [subdomain, accuracy] : cell.subdomain_accuracy)
                            subdomains.insert(subdomain);
                    }
                }
            protocol.datasets.assign(datasets.begin(), datasets.end());
            for (const std::string& file : files)  // in the data set's own order
                for (const std::string& subdomain : out_.datasets[file].subdomain_names)
                    if (subdomains.erase(subdomain)) protocol.subdomains.push_back(subdomain);
            protocol.subdomains.insert(protocol.subdomains.end(), subdomains.begin(), subdomains.end());
            out_.protocols.push_back(std::move(protocol));
        }
        // The protocol the method is made for comes first, then as the text introduces them.
        const auto place = [](const ProtocolResults& p) {
            const std::vector<std::string> order{"heterogeneous", "addition", "addition_blind", "transfer"};
            return std::find(order.begin(), order.end(), p.name) - order.begin();
        };
        std::stable_sort(
            out_.protocols.begin(), out_.protocols.end(),
            [&](const ProtocolResults& a, const ProtocolResults& b) { return place(a) < place(b); });
    }

  private:
    static Row& row_of(ProtocolResults& protocol, const std::string& method, const std::string& mode) {
        if (mode == "averaged" || mode == "shuffled") {
            Row& row = protocol.controls[method][mode];
            row.id = method;
            return row;
        }
        Row& row = protocol.rows[method + row_suffix(mode)];
        row.id = method + row_suffix(mode);
        return row;
    }

    static void describe(Row& row, const json& meta) {
        if (meta.contains("told") && meta["told"].is_boolean()) row.told = meta["told"].get<bool>();
        row.partition = text(meta, "partition");
        row.family = text(meta, "family");
        for (const auto& [key, to] :
             {std::pair{"gate", &row.gate}, {"selected", &row.selected}, {"validation", &row.validation}})
            if (meta.contains(key) && meta[key].is_object()) *to = meta[key];
        if (meta.contains("train_rows") && meta["train_rows"].is_number())
            row.train_rows = real(meta, "train_rows");
        if (const auto path = text(meta, "method_path"); !path.empty()) row.method_files.push_back(path);
    }

    // Names and sizes from the data set itself, where it is still there and still the same.
    // Returns the key: its hash, or the path where no hash was written.
    std::string describe(const json& dataset) {
        const std::string name = text(dataset, "name"), hash = text(dataset, "hash");
        std::string key = hash.empty() ? text(dataset, "path") : hash;
        if (out_.datasets.contains(key)) return key;
        DatasetInfo info{name, text(dataset, "path"), hash, {}, {}, 0, 0, 0, false};
        for (const auto& [names, to] :
             {std::pair{"classes", &info.class_names}, {"subdomains", &info.subdomain_names}})
            if (dataset.contains(names) && dataset[names].is_array())
                *to = dataset[names].get<std::vector<std::string>>();
        if (fs::exists(info.path)) {
            const Dataset file = Dataset::open(info.path);
            if (!info.hash.empty() && file.hash() != info.hash) {
                out_.notes.push_back("Data set " + name + " was changed after its evaluation (hash " +
                                     file.hash() + ", evaluated " + info.hash +
                                     "): its names and images are left out.");
            } else {
                info.class_names = file.class_names();
                info.subdomain_names = file.subdomain_names();
                info.height = file.height();
                info.width = file.width();
                info.channels = file.channels();
                info.readable = true;
            }
        } else {
            out_.notes.push_back("Data set " + name +
                                 " is not where it was evaluated: its images are left out.");
        }
        out_.datasets.emplace(key, std::move(info));
        return key;
    }

    // The labels beside the predictions must be those sealed in the data set.
    void check_labels(const PredictionSet& set, const DatasetInfo& info, const std::string& run) {
        if (!info.readable) return;
        auto& labels = sealed_[info.path];
        if (labels.empty()) {
            const auto ids = Dataset::open(info.path).read(Split::test).ids;
            const auto values = read_test_labels(info.path);
            for (std::size_t i = 0; i < ids.size(); ++i) labels.emplace(ids[i], values.at(i));
        }
        for (std::size_t i = 0; i < set.ids.size(); ++i) {
            const auto label = labels.find(set.ids[i]);
            if (label == labels.end() || label->second != set.labels[i])
                fail<StorageError>(
                    "run {}: row {} of data set '{}' (id {}) is not in its test split with label {} "
                    "(predictions and "
                    "data do not belong together); evaluate again",
                    run, i, set.dataset, set.ids[i], set.labels[i]);
        }
    }

    Results& out_;
    std::map<std::string, ProtocolResults> protocols_;
    std::map<std::string, std::map<std::int64_t, std::int32_t>> sealed_;  // file → id → label
};

}  // namespace

Results collect(const Scan& scan) {
    Results out;
    Collector collector(out);
    for (const Run& run : scan.runs)
        if (run.kind() == "evaluate") {
            if (fs::exists(run.folder / "predictions.h5"))
                collector.take(run);
            else
                out.notes.push_back("Left out: " + run.name + " is done but has no predictions.h5.");
        }
    collector.finish();
    return out;
}

std::vector<double> Row::values(const std::string& dataset, double Cell::*what) const {
    std::vector<double> out;
    const auto found = cells.find(dataset);
    if (found == cells.end()) return out;
    for (const auto& [seed, cell] : found->second) out.push_back(cell.*what);
    return out;
}

double Row::value(const std::string& dataset, double Cell::*what) const {
    return mean(values(dataset, what));
}

double Row::average(double Cell::*what) const {
    std::vector<double> out;
    for (const auto& [dataset, seeds] : cells) out.push_back(value(dataset, what));
    return mean(out);
}

std::map<std::int64_t, double> Row::seed_averages(double Cell::*what) const {
    std::map<std::int64_t, double> out;
    for (std::int64_t seed : seeds()) {
        std::vector<double> of_seed;
        for (const auto& [dataset, by_seed] : cells)
            if (const auto found = by_seed.find(seed); found != by_seed.end())
                of_seed.push_back(found->second.*what);
        if (of_seed.size() == cells.size()) out[seed] = mean(of_seed);
    }
    return out;
}

double Row::spread(double Cell::*what) const {
    std::vector<double> out;
    for (const auto& [seed, value] : seed_averages(what)) out.push_back(value);
    return standard_deviation(out);
}

std::vector<std::int64_t> Row::seeds() const {
    std::set<std::int64_t> out;
    for (const auto& [dataset, by_seed] : cells)
        for (const auto& [seed, cell] : by_seed) out.insert(seed);
    return {out.begin(), out.end()};
}

Grid Row::grid(Grid Cell::*what) const {
    std::vector<Grid> out;
    for (const auto& [dataset, by_seed] : cells)
        for (const auto& [seed, cell] : by_seed)
            if (!(cell.*what).empty()) out.push_back(cell.*what);
    return average_of(out);
}

Grid average_of(const std::vector<Grid>& grids) {
    Grid out;
    const auto place = [](std::vector<std::string>& names, const std::string& name) {
        const auto found = std::find(names.begin(), names.end(), name);
        if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
        names.push_back(name);
        return names.size() - 1;
    };
    for (const Grid& grid : grids) {
        for (const std::string& row : grid.rows) place(out.rows, row);
        for (const std::string& column : grid.columns) place(out.columns, column);
    }
    out.values.assign(out.rows.size() * out.columns.size(), 0);
    std::vector<double> counts(out.values.size(), 0);
    for (const Grid& grid : grids)
        for (std::size_t r = 0; r < grid.rows.size(); ++r)
            for (std::size_t c = 0; c < grid.columns.size(); ++c) {
                const std::size_t at =
                    place(out.rows, grid.rows[r]) * out.columns.size() + place(out.columns, grid.columns[c]);
                out.values[at] += grid.at(r, c);
                ++counts[at];
            }
    for (std::size_t i = 0; i < counts.size(); ++i)
        out.values[i] = counts[i] > 0 ? out.values[i] / counts[i] : nan;
    return out;
}

}  // namespace vtvc::report
