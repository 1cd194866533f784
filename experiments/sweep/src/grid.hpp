#pragma once
// The points of one stage: axes, conditional axes and seeds multiplied out, what is excluded left out, every
// value checked by the job's own schema. A point is a few bytes; its job is made when somebody asks for it.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "reference.hpp"
#include "vtvc/core/job_tree.hpp"
#include "vtvc/sweep/sweep_file.hpp"

namespace vtvc::sweep {

/// "name=value" of a key, as it is hashed into the run's id. An input that another stage makes has its
/// reference's number instead of a hash.
struct Line {
    std::string text;
    int reference = -1;
};

/// Content hash of a file, remembered for the next who asks. StorageError: it cannot be read.
using ContentHash = std::function<std::string(const std::string& path)>;

class Grid {
  public:
    /// parent: the grid of stage.each, or nullptr. What is wrong is appended to problems.
    Grid(const Stage& stage, const Grid* parent, const ContentHash& hash, std::vector<Mistake>& problems);

    /// An axis, the axes of a condition, the seeds, or an axis of the parent (which sets no key here).
    struct Dimension {
        std::string name;
        std::vector<std::string> keys;
        std::vector<std::string> labels;
        std::vector<std::vector<Node>> values;  ///< by choice, then key
        std::vector<std::vector<Line>> lines;   ///< by choice
        std::vector<std::size_t> references;    ///< numbers of those that some choice may use
        int when = -1;                          ///< index of the condition under which it exists
        Place place;
    };

    bool usable() const { return job_ != nullptr; }
    std::size_t size() const { return stride_ == 0 ? 0 : choices_.size() / stride_; }
    const std::vector<Dimension>& dimensions() const { return dimensions_; }
    /// 0: the dimension does not exist at this point; else one more than the index of its choice.
    std::uint32_t choice(std::size_t point, std::size_t dimension) const {
        return choices_[point * stride_ + dimension];
    }
    /// The point of these choices, if there is one.
    std::optional<std::size_t> find(const std::vector<std::uint32_t>& choices) const;
    const std::vector<Reference>& references() const { return references_; }
    const Job& base() const { return *job_; }

    /// The lines of a point in the order in which they are hashed.
    void lines_of(std::size_t point, std::vector<const Line*>& lines) const;
    /// A new job with the point's keys; inputs that are references keep their text behind a slash.
    std::unique_ptr<Job> job(std::size_t point) const;
    /// A number key of the job at a point; 0 where the job has no such key.
    double number(const std::string& key, std::size_t point) const;
    /// Runs Job::check at every point; each problem once, with the first point that has it.
    void check_points(std::vector<Mistake>& problems) const;
    /// Bytes that it keeps for each point.
    std::size_t bytes_a_point() const { return stride_ * sizeof(std::uint32_t); }

  private:
    struct Test;  ///< a condition made ready for points
    struct BaseLine {
        Line line;
        std::vector<std::size_t> unless;  ///< dimensions that replace it where they exist
    };
    struct Tracked {
        double base = 0;
        std::vector<std::pair<std::size_t, std::vector<double>>> by_dimension;
    };

    void add_dimensions(const std::vector<Axis>& axes, int when);
    void check_keys(std::vector<Mistake>& problems) const;
    Node base_tree() const;
    void read_choices(const ContentHash& hash, std::vector<Mistake>& problems);
    Line line_of(std::string text, const std::map<std::string, Place>& written_at,
                 std::vector<Mistake>& problems);
    Test test_of(const Condition& condition, std::vector<Mistake>& problems) const;
    void enumerate(const Grid* parent, std::vector<Mistake>& problems);
    void apply(Job& job, std::size_t dimension, std::uint32_t choice, std::vector<Mistake>& problems) const;
    std::string point_text(std::size_t point) const;
    void track(const std::string& key);

    const Stage& stage_;
    std::vector<Dimension> dimensions_;
    std::size_t inherited_ = 0;  ///< dimensions of the parent, which come first
    std::size_t stride_ = 0;
    std::vector<std::uint32_t> choices_;
    Node tree_;
    std::unique_ptr<Job> job_;
    std::vector<BaseLine> lines_;
    std::vector<Reference> references_;
    std::map<std::string, Tracked> tracked_;
    mutable std::map<std::string, std::size_t> index_;  ///< made when somebody searches
};

}  // namespace vtvc::sweep
