#include "vtvc/sweep/sweep_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "axes.hpp"
#include "fields.hpp"
#include "scale.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/random.hpp"

namespace vtvc::sweep {
namespace {

const std::vector<std::string> stage_tables{"fixed", "axis", "zip",   "when",     "exclude",
                                            "seeds", "each", "after", "resources"};

bool is_name(const std::string& name) {
    return !name.empty() && name.size() <= 64 && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), [](unsigned char c) {
               return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
           });
}

/// Puts the stages (and scales) of the files in sweep.stages_from before the file's own. Other tables of
/// those files are theirs alone.
void take_stages(Node& root, std::vector<Mistake>& problems) {
    const Node* sweep = root.child("sweep");
    const Node* from = sweep ? sweep->child("stages_from") : nullptr;
    if (!from) return;
    std::vector<std::string> names;
    Fields(*sweep, "sweep", problems).take("stages_from", names);
    Node stages{"stage", Node::List{}, {}, from->place, from->key_place};
    Node scales{"", Node::Table{}, {}, root.place, root.key_place};
    const auto source = from->place.source;
    for (const std::string& name : names) {
        const auto path = std::filesystem::path(source->name).parent_path() / name;
        try {
            Node other = read_config(read_text(path), path.string(), problems);
            if (const Node* theirs = other.child("stage"); theirs && theirs->is_list())
                stages.children.insert(stages.children.end(), theirs->children.begin(),
                                       theirs->children.end());
            if (const Node* theirs = other.child("scale")) {
                Node over{"", Node::Table{}, {*theirs}, theirs->place, theirs->key_place};
                overlay(scales, std::move(over));
            }
        } catch (const StorageError& error) {
            problems.push_back({root.child("sweep")->child("stages_from")->place,
                                fmt::format("cannot take stages: {}", error.what())});
        }
    }
    if (Node* own = root.child("stage"); own && own->is_list()) {
        own->children.insert(own->children.begin(), stages.children.begin(), stages.children.end());
    } else if (!own && !stages.children.empty()) {
        root.children.push_back(std::move(stages));
    }
    overlay(scales, root);
    root = std::move(scales);
}

class Parser {
  public:
    explicit Parser(std::vector<Mistake>& problems) : problems_(problems) {}

    SweepFile file(const Node& root) {
        SweepFile file;
        Fields fields(root, "", problems_);
        sweep(fields, root, file);
        retry(fields, file.retry);
        record(fields, file);
        Resources resources;
        read_resources(fields, resources);
        const auto rows = fields.rows("stage");
        fields.any("scale");
        if (rows.empty()) {
            Stage only;
            only.name = "run";
            only.place = root.place;
            only.resources = resources;
            stage(fields, root, only, file.seed);
            file.stages.push_back(std::move(only));
        } else {
            for (const std::string& name : stage_tables) {
                const Node* node = fields.any(name);
                if (node && name != "resources")
                    complain(node->key_place,
                             fmt::format("'{}' belongs into one of the stages ([[stage]] is there)", name));
            }
            for (std::size_t i = 0; i < rows.size(); ++i)
                file.stages.push_back(staged(*rows[i], i, resources, file.seed));
        }
        fields.finish();
        check_names(file);
        return file;
    }

  private:
    void complain(const Place& place, std::string text) { problems_.push_back({place, std::move(text)}); }

    void sweep(Fields& fields, const Node& root, SweepFile& file) {
        const Node* table = fields.table("sweep");
        if (!table) return complain(root.place, "missing [sweep] with its 'name'");
        Fields inside(*table, "sweep", problems_);
        std::int64_t version = 1;
        inside.take("name", file.name);
        inside.take("version", version);
        inside.take("description", file.description);
        inside.take("seed", file.seed, 0);
        inside.take("max_runs", file.max_runs, 1);
        for (const char* taken : {"stages_from", "scale"}) inside.any(taken);
        if (const Node* metric = inside.table("metric")) {
            Fields about(*metric, "sweep.metric", problems_);
            about.take("name", file.metric.name);
            file.metric.goal =
                about.choose("goal", {"maximize", "minimize"}, 0) == 0 ? Goal::maximize : Goal::minimize;
            if (file.metric.name.empty()) complain(metric->place, "missing 'sweep.metric.name'");
            about.finish();
        }
        inside.finish();
        const Node* name = table->child("name");
        if (!name) {
            complain(table->place, "missing 'sweep.name' (its folder in the store is called so)");
        } else if (!is_name(file.name)) {
            complain(name->place,
                     fmt::format("'sweep.name' must be letters, digits, '-', '_' or '.', at most "
                                 "64 (a folder is called so), found {}",
                                 found_text(*name)));
        }
        if (version != 1)
            complain(table->child("version")->place,
                     fmt::format("sweep files of version {} are not known (this program reads 1)", version));
    }

    void retry(Fields& fields, Retry& retry) {
        const Node* table = fields.table("retry");
        if (!table) return;
        Fields inside(*table, "retry", problems_);
        inside.take("max_attempts", retry.max_attempts, 1);
        inside.take("max_stalls", retry.max_stalls, 1);
        inside.take("on", retry.on);
        const std::vector<std::string> causes{"signal", "node", "memory", "time", "nan", "disk", "error"};
        for (const std::string& cause : retry.on)
            if (std::find(causes.begin(), causes.end(), cause) == causes.end())
                complain(table->child("on")->place,
                         fmt::format("'retry.on' has \"{}\", which is none of {}{}", cause,
                                     fmt::join(causes, ", "),
                                     cause == "config" ? " (what is wrong in a file stays wrong)" : ""));
        if (const Node* backoff = inside.table("backoff")) {
            Fields about(*backoff, "retry.backoff", problems_);
            about.take_seconds("base", retry.base_s);
            about.take("factor", retry.factor, 1.0);
            about.take_seconds("max", retry.max_s);
            about.take("jitter", retry.jitter, 0.0);
            if (retry.jitter > 1) complain(backoff->place, "'retry.backoff.jitter' must be between 0 and 1");
            about.finish();
        }
        inside.finish();
    }

    void record(Fields& fields, SweepFile& file) {
        const Node* table = fields.table("record");
        if (!table) return;
        Fields inside(*table, "record", problems_);
        inside.take("export", file.exports);
        inside.take("keep_checkpoints", file.keep_checkpoints, 0);
        for (const std::string& form : file.exports)
            if (form != "csv" && form != "json")
                complain(table->child("export")->place,
                         fmt::format("'record.export' has \"{}\", which is none of csv, json", form));
        inside.finish();
    }

    void read_resources(Fields& fields, Resources& resources) {
        const Node* table = fields.table("resources");
        if (!table) return;
        Fields inside(*table, fields.full("resources"), problems_);
        inside.take("ranks", resources.ranks, 1);
        inside.take("cpus_per_rank", resources.cpus_per_rank, 1);
        inside.take("gpus_per_rank", resources.gpus_per_rank, 0);
        inside.take_memory("mem", resources.memory_mb);
        inside.take_seconds("time", resources.time_s);
        inside.finish();
    }

    Stage staged(const Node& row, std::size_t index, const Resources& resources, std::int64_t sweep_seed) {
        Stage made;
        made.place = row.place;
        made.resources = resources;
        Fields fields(row, fmt::format("stage.{}", index), problems_);
        fields.take("name", made.name);
        if (!is_name(made.name))
            complain(row.place, fmt::format("missing '{}' (references and tables call the stage so; letters, "
                                            "digits, '-', '_' or '.')",
                                            fields.full("name")));
        fields.take("each", made.each);
        fields.take("after", made.after);
        read_resources(fields, made.resources);
        stage(fields, row, made, sweep_seed);
        fields.finish();
        return made;
    }

    void stage(Fields& fields, const Node& table, Stage& made, std::int64_t sweep_seed) {
        made.job = {"", Node::Table{}, {}, table.place, table.key_place};
        if (const Node* fixed = fields.table("fixed")) made.job = base_job(*fixed, fields);
        axes(fields, made.axes);
        const auto whens = fields.rows("when");
        for (std::size_t i = 0; i < whens.size(); ++i) {
            Fields inside(*whens[i], fields.full(fmt::format("when.{}", i)), problems_);
            When when;
            if (const Node* condition = inside.table("if")) {
                when.condition = read_condition(*condition, inside.full("if"), problems_);
            } else {
                complain(whens[i]->place, fmt::format("missing '{}'", inside.full("if")));
            }
            axes(inside, when.axes);
            inside.finish();
            if (when.axes.empty())
                complain(whens[i]->place,
                         fmt::format("'{}' has no axis", fields.full(fmt::format("when.{}", i))));
            if (!when.condition.terms.empty()) made.whens.push_back(std::move(when));
        }
        const auto excludes = fields.rows("exclude");
        for (std::size_t i = 0; i < excludes.size(); ++i)
            made.excludes.push_back(
                read_condition(*excludes[i], fields.full(fmt::format("exclude.{}", i)), problems_));
        seeds(fields, made, sweep_seed);
    }

    void axes(Fields& fields, std::vector<Axis>& into) {
        const auto rows = fields.rows("axis"), zips = fields.rows("zip");
        for (std::size_t i = 0; i < rows.size(); ++i)
            if (auto axis = read_axis(*rows[i], fields.full(fmt::format("axis.{}", i)), problems_))
                into.push_back(std::move(*axis));
        for (std::size_t i = 0; i < zips.size(); ++i)
            if (auto axis = read_zip(*zips[i], fields.full(fmt::format("zip.{}", i)), problems_))
                into.push_back(std::move(*axis));
    }

    /// [fixed] with the job files that it includes below it.
    Node base_job(const Node& fixed, Fields& fields) {
        Node job{"", Node::Table{}, {}, fixed.place, fixed.key_place};
        Node own = nested(fixed);
        if (const Node* include = own.child("include")) {
            std::vector<std::string> names;
            Fields(fixed, fields.full("fixed"), problems_).take("include", names);
            for (const std::string& name : names) {
                // Shown relative where the sweep file is, as the includes of job files are.
                const auto path = std::filesystem::path(include->place.source->name).parent_path() / name;
                try {
                    overlay(job, read_config(read_text(path), path.string(), problems_));
                } catch (const StorageError& error) {
                    complain(include->place, fmt::format("cannot include: {}", error.what()));
                }
            }
            std::erase_if(own.children, [](const Node& child) { return child.name == "include"; });
        }
        overlay(job, std::move(own));
        return job;
    }

    void seeds(Fields& fields, Stage& made, std::int64_t sweep_seed) {
        const Node* table = fields.table("seeds");
        if (!table) return;
        Fields inside(*table, fields.full("seeds"), problems_);
        std::int64_t count = 0;
        inside.take("count", count, 1);
        inside.take("list", made.seeds, 0);
        inside.finish();
        if (table->child("count") && table->child("list"))
            return complain(table->place, fmt::format("'{}' has both count and list; one of them says it",
                                                      fields.full("seeds")));
        if (std::set<std::int64_t>(made.seeds.begin(), made.seeds.end()).size() != made.seeds.size())
            complain(table->child("list")->place, fmt::format("'{}' has a seed twice", inside.full("list")));
        for (std::int64_t i = 0; i < std::min<std::int64_t>(count, 1'000'000); ++i)
            made.seeds.push_back(seed_of(sweep_seed, i));
        if (made.seeds.empty())
            complain(table->place, fmt::format("'{}' needs count or list", fields.full("seeds")));
    }

    void check_names(const SweepFile& file) {
        std::set<std::string> seen;
        for (const Stage& stage : file.stages)
            if (!seen.insert(stage.name).second && !stage.name.empty())
                complain(stage.place,
                         fmt::format("a second stage is called \"{}\"; names must differ", stage.name));
    }

    std::vector<Mistake>& problems_;
};

}  // namespace

std::int64_t seed_of(std::int64_t sweep_seed, std::int64_t index) {
    Stream stream(static_cast<std::uint64_t>(sweep_seed), Purpose::sweep_seed,
                  static_cast<std::uint64_t>(index));
    return stream.bits() >> 1;
}

SweepFile parse_sweep(const std::string& text, const std::string& name, const std::string& scale,
                      std::vector<Mistake>& problems) {
    const std::size_t before = problems.size();
    Node root = read_config(text, name, problems);
    if (problems.size() != before) return {};  // half a file would only add misleading complaints
    take_stages(root, problems);
    const Node* own = root.find("sweep.scale");
    const auto* usual = own ? std::get_if<std::string>(&own->value) : nullptr;
    if (own && !usual)
        problems.push_back(
            {own->place, fmt::format("'sweep.scale' must be a text in quotes, found {}", found_text(*own))});
    apply_scale(root, !scale.empty() || !usual ? scale : *usual, problems);
    return Parser(problems).file(root);
}

}  // namespace vtvc::sweep
