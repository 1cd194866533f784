// vtvc data import: foreign image files to dataset files.
#include <algorithm>
#include <memory>

#include "data_verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/progress.hpp"
#include "vtvc/datasets/import.hpp"
#include "vtvc/datasets/import_images.hpp"

namespace vtvc {
namespace {

/// The value of an enumeration that the command line named.
template <class E>
E value_of(const std::string& name, const char* what) {
    const auto& names = EnumNames<E>::names;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        fail<ConfigError>("unknown {} '{}'; there are {}", what, name, fmt::join(names, ", "));
    return static_cast<E>(found - names.begin());
}

void add_idx(CLI::App& import) {
    struct Arguments {
        IdxSources sources;
        Destination to;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& idx = *import.add_subcommand("idx", "IDX files, plain or gzipped");
    IdxSources& sources = arguments->sources;
    idx.add_option("--train-images", sources.train_images, "N x H x W or N x H x W x 3 bytes")->required();
    idx.add_option("--train-labels", sources.train_labels, "N bytes")->required();
    idx.add_option("--test-images", sources.test_images, "Images of the test split")->required();
    idx.add_option("--test-labels", sources.test_labels, "Labels of the test split; sealed in the file")
        ->required();
    idx.add_option("--name", sources.name, "Name of the data set")->required();
    idx.add_option("--classes", sources.class_names, "Class names in the order of the labels: a,b,c")
        ->delimiter(',');
    idx.add_option("--validation", sources.validation, "Share of each training class for validation")
        ->capture_default_str();
    idx.add_option("--seed", sources.seed, "Of the split and the order")->capture_default_str();
    arguments->to.add_to(idx);
    idx.callback([arguments] {
        make_and_report(arguments->to,
                        [&](Json&) { return import_idx(arguments->sources, arguments->to.out); });
    });
}

struct ImageArguments {
    ImageSources sources;
    std::string filter = "bicubic", colour = "rgb", on_corrupt = "fail";
    std::int64_t size = 224, resize = 0;
    Destination to;
};

constexpr std::size_t kListed = 20;  // of the files left out; those that cannot be read are all named

void import_folder(ImageArguments& arguments) {
    ImageSources& sources = arguments.sources;
    sources.steps = {.resize = arguments.resize > 0 ? arguments.resize : arguments.size,
                     .crop = arguments.size,
                     .filter = value_of<Filter>(arguments.filter, "filter")};
    sources.colour = value_of<Colour>(arguments.colour, "colour");
    sources.on_corrupt = value_of<OnCorrupt>(arguments.on_corrupt, "answer to corrupt images");
    make_and_report(arguments.to, [&](Json& more) {
        const auto name_all = [](const std::vector<BadImage>& images) {
            for (const auto& image : images) warn(fmt::format("{}: {}", image.path, image.reason));
        };
        ImageReport report;
        try {
            report = import_images(sources, arguments.to.out);
        } catch (const BadImages& bad) {
            name_all(bad.images());
            throw;
        }
        name_all(report.skipped);
        const auto& left_out = report.left_out;
        if (!left_out.empty())
            say(fmt::format(
                "{} files are no pictures by their names and were left out: {}{}", left_out.size(),
                fmt::join(left_out.begin(),
                          left_out.begin() + static_cast<std::ptrdiff_t>(std::min(kListed, left_out.size())),
                          ", "),
                left_out.size() > kListed ? ", …" : ""));
        more["skipped"] = Json::array();
        for (const auto& image : report.skipped)
            more["skipped"].push_back({{"path", image.path}, {"reason", image.reason}});
        more["left_out"] = left_out;
        return report.written;
    });
}

void add_images(CLI::App& import) {
    auto arguments = std::make_shared<ImageArguments>();
    CLI::App& images = *import.add_subcommand("images",
                                              "A folder of JPEG, PNG and PPM pictures, a folder a class: "
                                              "DIR/CLASS/… or DIR/{train,val,test}/CLASS/…");
    ImageSources& sources = arguments->sources;
    images.add_option("folder", sources.folder, "DIR")->required();
    images.add_option("--name", sources.name, "Name of the data set")->required();
    images.add_option("--size", arguments->size, "Pixels of a stored image's side, cut from the middle")
        ->capture_default_str();
    images.add_option("--resize", arguments->resize, "The shorter side becomes this first (0: --size)")
        ->capture_default_str();
    images.add_option("--filter", arguments->filter, "bicubic or bilinear, as Pillow does them")
        ->capture_default_str();
    images.add_option("--colour", arguments->colour, "rgb or grey")->capture_default_str();
    images
        .add_option("--on-corrupt", arguments->on_corrupt,
                    "fail: name them all, write nothing; skip: leave them out")
        ->capture_default_str();
    images
        .add_option("--validation", sources.validation,
                    "Share of train for validation, where no val folder is")
        ->capture_default_str();
    images.add_option("--test", sources.test, "Share of train for the test split, where no test folder is");
    images.add_option(
        "--groups-by", sources.groups_by,
        "Regular expression in file names: its first bracket is the group, and shares are cut by group");
    images.add_option("--seed", sources.seed, "Of the shares and the order")->capture_default_str();
    images.add_option("--threads", sources.threads, "0: one a core")->capture_default_str();
    arguments->to.add_to(images);
    images.callback([arguments] { import_folder(*arguments); });
}

void add_cifar(CLI::App& import) {
    struct Arguments {
        CifarSources sources;
        std::string labels = "fine";
        Destination to;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& cifar =
        *import.add_subcommand("cifar", "A folder with the binary version of CIFAR-10 or CIFAR-100");
    CifarSources& sources = arguments->sources;
    cifar.add_option("folder", sources.folder, "Where data_batch_1.bin or train.bin lies")->required();
    cifar.add_option("--name", sources.name, "Name of the data set")->required();
    cifar.add_option("--labels", arguments->labels, "CIFAR-100: fine or coarse")->capture_default_str();
    cifar.add_option("--validation", sources.validation, "Share of each training class for validation")
        ->capture_default_str();
    cifar.add_option("--seed", sources.seed, "Of the split and the order")->capture_default_str();
    arguments->to.add_to(cifar);
    cifar.callback([arguments] {
        arguments->sources.labels = value_of<CifarLabels>(arguments->labels, "labels");
        make_and_report(arguments->to,
                        [&](Json&) { return import_cifar(arguments->sources, arguments->to.out); });
    });
}

void add_npz(CLI::App& import) {
    struct Arguments {
        NpzSources sources;
        Destination to;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& npz = *import.add_subcommand("npz", "A NumPy archive with images and labels of both splits");
    NpzSources& sources = arguments->sources;
    npz.add_option("file", sources.file, "The .npz")->required();
    npz.add_option("--train-images", sources.train_images, "Array: u8, N x H x W or N x H x W x 1 or 3")
        ->capture_default_str();
    npz.add_option("--train-labels", sources.train_labels, "Array: whole numbers, N or N x 1")
        ->capture_default_str();
    npz.add_option("--test-images", sources.test_images, "Array of the test split")->capture_default_str();
    npz.add_option("--test-labels", sources.test_labels, "Array of the test split; sealed in the file")
        ->capture_default_str();
    npz.add_option("--name", sources.name, "Name of the data set")->required();
    npz.add_option("--classes", sources.class_names, "Class names in the order of the labels: a,b,c")
        ->delimiter(',');
    npz.add_option("--validation", sources.validation, "Share of each training class for validation")
        ->capture_default_str();
    npz.add_option("--seed", sources.seed, "Of the split and the order")->capture_default_str();
    arguments->to.add_to(npz);
    npz.callback([arguments] {
        make_and_report(arguments->to,
                        [&](Json&) { return import_npz(arguments->sources, arguments->to.out); });
    });
}

}  // namespace

void add_data_import(CLI::App& data) {
    CLI::App& import = *data.add_subcommand("import", "Foreign files to a dataset file");
    import.require_subcommand(1);
    add_idx(import);
    add_images(import);
    add_cifar(import);
    add_npz(import);
}

}  // namespace vtvc
