#pragma once
// The parts of the page, in the order of the page. Each is a pure function of what was collected and returns
// HTML; an empty string where the runs hold nothing for it.
#include <map>
#include <string>

#include "export.hpp"
#include "vtvc/experiments/report.hpp"

namespace vtvc::report {

struct Material {
    std::string title;
    const Scan& scan;
    const Results& results;
    const Comparisons& comparisons;
    const std::map<std::string, TrainingLog>& logs;  ///< by run id
};

std::string head_section(const Material& m);
std::string inclusion_section(const Material& m);
std::string table_section(const Material& m);
std::string calibration_section(const Material& m);
std::string sparsity_section(const Material& m);
std::string per_sample_section(const Material& m);
std::string price_section(const Material& m);
std::string sample_section(const Material& m);
std::string training_section(const Material& m);
std::string findings_section(const Material& m);

/// The row whose zeros are exact: "<id>_hard", else the row itself.
const Row* hard_form(const ProtocolResults& protocol, const Row& row);
/// "−1.2 [−2.0, −0.3]" of a bootstrap, scaled.
std::string with_interval(const BootstrapResult& result, double scale, int decimals);

}  // namespace vtvc::report
