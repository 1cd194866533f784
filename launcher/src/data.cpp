// vtvc data: dataset files from the installed fonts and from other dataset files; data_import.cpp has foreign
// files.
#include <algorithm>
#include <chrono>
#include <memory>

#include "data_verbs.hpp"
#include "verbs.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/datasets/glyphs.hpp"
#include "vtvc/datasets/subdomains.hpp"
#include "vtvc/storage/tensor_file.hpp"

namespace vtvc {
namespace {

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
        make_and_report(arguments->to, [&](Json&) {
            const DatasetContents contents = render_glyphs(arguments->options);
            write_dataset(arguments->to.out, contents);
            return summary_of(contents);
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
        make_and_report(mixture->to,
                        [&](Json&) { return summary_of(write_subdomains(mixture->mix, mixture->to.out)); });
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

void Destination::add_to(CLI::App& verb) {
    verb.add_option("-o,--out", out, "Dataset file to write")->required();
    add_json_flag(verb, json);
}

void make_and_report(const Destination& to, const std::function<DatasetSummary(Json& more)>& make) {
    const auto start = std::chrono::steady_clock::now();
    Json more = Json::object();
    const DatasetSummary written = make(more);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    const DatasetHead& head = written.head;
    if (to.json) {
        Json document{
            {"path", to.out},
            {"hash", content_hash_of(to.out)},
            {"name", head.name},
            {"classes", head.class_names},
            {"image", {head.height, head.width, head.channels}},
            {"rows",
             {{"train", written.rows[0]}, {"validation", written.rows[1]}, {"test", written.rows[2]}}},
            {"groups", head.group_names},
            {"subdomains", head.subdomain_names},
            {"seconds", seconds}};
        document.update(more);
        return print_json(document);
    }
    const auto part = [](std::size_t count, const char* one, const char* many) {
        return count == 0 ? std::string() : fmt::format(", {} {}", count, count == 1 ? one : many);
    };
    print_text(fmt::format(
        "wrote {}: {}, {} classes, {} train + {} validation + {} test images of {}x{}x{}{}{}, {:.1f} s\n",
        to.out, head.name, head.class_names.size(), written.rows[0], written.rows[1], written.rows[2],
        head.height, head.width, head.channels, part(head.group_names.size(), "group", "groups"),
        part(head.subdomain_names.size(), "sub-domain", "sub-domains"), seconds));
}

DatasetSummary summary_of(const DatasetContents& contents) {
    return {contents, {contents.train.rows(), contents.validation.rows(), contents.test.rows()}};
}

void add_data(CLI::App& app) {
    CLI::App& data = *app.add_subcommand("data", "Make dataset files");
    data.require_subcommand(1);
    add_data_import(data);
    add_render(data);
    add_subdomains(data);
}

}  // namespace vtvc
