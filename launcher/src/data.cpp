// vtvc data: dataset files from IDX files, from the installed fonts, and from other dataset files.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

#include "output.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/datasets/glyphs.hpp"
#include "vtvc/datasets/import.hpp"
#include "vtvc/datasets/subdomains.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

struct Destination {
    std::string out;
    bool json = false;

    void add_to(CLI::App& verb) {
        verb.add_option("-o,--out", out, "Dataset file to write")->required();
        add_json_flag(verb, json);
    }
};

void report(const Destination& to, const DatasetContents& written, double seconds) {
    const std::string hash = content_hash_of(to.out);
    if (to.json)
        return print_json({{"path", to.out},
                           {"hash", hash},
                           {"name", written.name},
                           {"classes", written.class_names},
                           {"image", {written.height, written.width, written.channels}},
                           {"rows",
                            {{"train", written.train.rows()},
                             {"validation", written.validation.rows()},
                             {"test", written.test.rows()}}},
                           {"groups", written.group_names},
                           {"subdomains", written.subdomain_names},
                           {"seconds", seconds}});
    const auto part = [](std::size_t count, const char* one, const char* many) {
        return count == 0 ? std::string() : fmt::format(", {} {}", count, count == 1 ? one : many);
    };
    print_text(
        fmt::format("wrote {}: {}, {} classes, {} train + {} validation + {} test images of {}x{}x{}{}{}, "
                    "{:.1f} s\n",
                    to.out, written.name, written.class_names.size(), written.train.rows(),
                    written.validation.rows(), written.test.rows(), written.height, written.width,
                    written.channels, part(written.group_names.size(), "family", "families"),
                    part(written.subdomain_names.size(), "sub-domain", "sub-domains"), seconds));
}

/// Runs a maker that writes to.out, then says what was written.
void run(const Destination& to, const std::function<DatasetContents()>& make) {
    const auto start = std::chrono::steady_clock::now();
    const DatasetContents written = make();
    report(to, written, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
}

void add_import(CLI::App& data) {
    struct Arguments {
        IdxSources sources;
        Destination to;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& import = *data.add_subcommand("import", "Foreign files to a dataset file");
    import.require_subcommand(1);
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
        run(arguments->to, [&] {
            DatasetContents contents = import_idx(arguments->sources);
            write_dataset(arguments->to.out, contents);
            return contents;
        });
    });
}

GlyphSet glyph_set_from(const std::string& name) {
    const auto& names = EnumNames<GlyphSet>::names;
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        fail<ConfigError>("unknown glyph set '{}'; there are {}", name, fmt::join(names, ", "));
    return static_cast<GlyphSet>(found - names.begin());
}

void add_render(CLI::App& data) {
    struct Arguments {
        std::string set;
        GlyphOptions options;
        Destination to;
    };
    auto arguments = std::make_shared<Arguments>();
    CLI::App& render = *data.add_subcommand("render-glyphs", "Letters of the installed fonts, 28 x 28");
    GlyphOptions& options = arguments->options;
    render.add_option("--set", arguments->set, "foundation, latin, greek, cyrillic or digits")->required();
    render.add_option("--name", options.name, "Name of the data set; the set's if left out");
    render.add_option("--classes", options.classes, "foundation: letters to draw")->capture_default_str();
    render.add_option("--per-class", options.per_class, "foundation: renderings of a letter")
        ->capture_default_str();
    render
        .add_option("--per-face", options.per_face,
                    "alphabets: renderings of a letter in a face (0: 4 of digits, else 2)")
        ->capture_default_str();
    render.add_option("--faces-per-family", options.faces_per_family, "alphabets: at most so many")
        ->capture_default_str();
    render.add_option("--limit", options.limit, "At most so many images of a class in a split (0: all)")
        ->capture_default_str();
    render.add_option("--seed", options.seed, "Of everything random")->capture_default_str();
    arguments->to.add_to(render);
    render.callback([arguments] {
        arguments->options.set = glyph_set_from(arguments->set);
        run(arguments->to, [&] {
            DatasetContents contents = render_glyphs(arguments->options);
            write_dataset(arguments->to.out, contents);
            return contents;
        });
    });
}

struct Mixture {
    SubdomainMix mix;
    std::vector<std::string> names;
    Destination to;
};

/// What mix and transform share; names come from --subdomains or --only.
std::shared_ptr<Mixture> add_mixture(CLI::App& verb) {
    auto mixture = std::make_shared<Mixture>();
    verb.add_option("in", mixture->mix.in, "Dataset file")->required();
    verb.add_option("--name", mixture->mix.name, "Name of the new data set; the old one's if left out");
    verb.add_option("--seed", mixture->mix.seed, "Of the choice and the noise")->capture_default_str();
    mixture->to.add_to(verb);
    verb.callback([mixture] {
        for (const std::string& name : mixture->names)
            mixture->mix.subdomains.push_back(subdomain_from(name));
        run(mixture->to, [&] { return write_subdomains(mixture->mix, mixture->to.out); });
    });
    return mixture;
}

void add_subdomains(CLI::App& data) {
    CLI::App& mix = *data.add_subcommand("mix", "A copy in which each image falls into a random sub-domain");
    mix.add_option("--subdomains", add_mixture(mix)->names,
                   "clean,rotated90,rotated180,inverted,blurred,mirrored or some of them")
        ->delimiter(',')
        ->required();
    CLI::App& transform = *data.add_subcommand("transform", "A copy that lies in one sub-domain");
    transform.add_option("--only", add_mixture(transform)->names, "The sub-domain")->expected(1)->required();
}

}  // namespace

void add_data(CLI::App& app) {
    CLI::App& data = *app.add_subcommand("data", "Make dataset files");
    data.require_subcommand(1);
    add_import(data);
    add_render(data);
    add_subdomains(data);
}

}  // namespace vtvc
