#pragma once
// Checkpoints of other projects into our files: a base model, a bank of task vectors, a head. Each returns a
// report of what was taken, renamed and left out.
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vtvc/imports/architecture.hpp"
#include "vtvc/storage/bank.hpp"
#include "vtvc/storage/head.hpp"

namespace vtvc {

/// Which weights, and what neither they nor a configuration beside them say.
struct NetworkOptions {
    MappingOptions mapping;
    ArchitectureHints hints;  ///< of the user: they win over files
    enum class Family { unknown, openai_clip } family = Family::unknown;  ///< fills what is still missing
};

struct NetworkReport {
    std::string path, format, layout, prefix;
    std::size_t tensors = 0;  ///< that became blocks
    std::int64_t parameters = 0;
    std::vector<Skipped> skipped;
    std::vector<std::string> notes, sources;  ///< sources: configurations that were read
};

struct ModelReport {
    NetworkReport network;
    ModelKeys keys;
    std::string hash;  ///< content hash of the model file
};
/// Writes a model file of kind "model". The same weights under the same names give the same content hash,
/// whatever file they came in. Errors: those of map_names and recognise_architecture, NaN and Inf.
ModelReport import_model(const std::filesystem::path& checkpoint, const std::filesystem::path& out,
                         const NetworkOptions& options);
/// The same without writing and without what needs hints: for inspect.
NetworkReport describe_network(const ForeignNetwork& network);

/// Whether a file's first bytes are HDF5's: our files are, no foreign checkpoint is.
bool starts_like_hdf5(const std::filesystem::path& path);

struct BankImport {
    std::filesystem::path base;  ///< our model file, or a foreign checkpoint (imported beside the bank)
    std::vector<std::pair<std::string, std::filesystem::path>> tasks;
    std::filesystem::path out;
    TaskStorage storage;
    NetworkOptions options;  ///< of the tasks, and of a foreign base
    int threads = 0;         ///< that read and compare; 0: one a core. The bank does not depend on them
};
struct TaskReport {
    std::string name;
    NetworkReport network;
    double norm = 0;  ///< ‖τ‖ over all blocks, as given
    double distance = 0;  ///< ‖τ‖/‖θ0‖ over the matrices: 0 is the base, √2 an unrelated network of its norm
    std::vector<std::string> warnings;
};
struct BankReport {
    std::optional<ModelReport> base;  ///< where the base was foreign
    std::filesystem::path base_path;  ///< our model file that fits the bank
    std::vector<TaskReport> tasks;
};
/// Reads block by block: of the base and of every task one block is in memory, and two for each thread.
/// StorageError names the tensor and both shapes or types: another architecture, missing or extra tensors,
/// NaN and Inf, a task named twice. A task may lack the projection alone (it was trained without): its vector
/// is zero there.
BankReport import_bank(const BankImport& what);

/// Above this distance a task vector says that the network was not fine-tuned from this base: independent
/// networks of equal norm are √2 apart, and half of that is nearer to a stranger than to the base.
inline constexpr double kForeignDistance = .7;

struct HeadImport {
    std::filesystem::path checkpoint;  ///< head_<Dataset>.pt, safetensors, .npz
    std::filesystem::path base;        ///< our model file of the base whose features it reads
    std::filesystem::path out;
    std::vector<std::string> class_names;  ///< empty: as the file says, else unknown
    std::string weight;                    ///< name of the tensor [C, e]; empty: found
    std::optional<HeadKind> kind;          ///< empty: text where rows are embeddings, linear or mlp otherwise
    std::optional<double> scale;
    std::optional<FeatureForm> features;
    std::optional<Activation> activation;  ///< of an MLP's hidden layer
};
struct HeadReport {
    std::string path, format, weight;
    HeadContents head;  ///< without its numbers
    std::vector<Skipped> skipped;
    std::vector<std::string> notes;
};
HeadReport import_head(const HeadImport& what);

}  // namespace vtvc
