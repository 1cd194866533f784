#pragma once
// Which of the waiting runs are put where. Cores and GPUs are never shared, memory never promised twice;
// longest first; whatever fits is started, unless a wide run has been passed over too often and the machine
// is kept for it.
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace vtvc::sweep {

struct Machine {
    std::vector<int> cores;
    std::vector<int> gpus;
    double memory_mb = 0;
};
/// What a run occupies. Runs of one shape can take each other's place.
struct Shape {
    int cpus = 1, gpus = 0;
    double memory_mb = 0;
    auto operator<=>(const Shape&) const = default;
};
struct Placement {
    std::size_t run = 0;
    Shape shape;
    std::vector<int> cores, gpus;
};

class Packing {
  public:
    /// patience: starts of others that a shape which does not fit lets pass before the machine is kept for
    /// it.
    explicit Packing(Machine machine, int patience = 32);

    /// Could a run of this shape ever be started?
    bool possible(const Shape& shape) const;
    /// seconds: how long it is expected to take; longer ones go first, then those of lower number.
    void add(std::size_t run, const Shape& shape, double seconds);
    /// Takes a waiting run out. False: it was not waiting.
    bool remove(std::size_t run);
    /// Occupies what the next run needs. Nothing: none that waits may start now.
    std::optional<Placement> next();
    /// Gives back what a placed run has occupied.
    void release(const Placement& placement);

    std::size_t waiting() const { return where_.size(); }
    std::size_t free_cores() const { return cores_.size(); }
    bool fits(const Shape& shape) const;
    /// The shape that the machine is kept for, if it is.
    std::optional<Shape> reserved() const;

  private:
    struct Place {
        double seconds;
        std::size_t run;
        bool operator<(const Place& other) const {
            return seconds != other.seconds ? seconds > other.seconds : run < other.run;
        }
    };
    struct Queue {
        std::set<Place> runs;
        int passed_over = 0;
    };

    Machine whole_;
    int patience_;
    std::vector<int> cores_, gpus_;  ///< free; lowest last
    double memory_mb_;
    std::map<Shape, Queue> queues_;
    std::map<std::size_t, std::pair<Shape, double>> where_;
};

}  // namespace vtvc::sweep
