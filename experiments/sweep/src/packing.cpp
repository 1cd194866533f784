#include "vtvc/sweep/packing.hpp"

#include <algorithm>
#include <functional>

namespace vtvc::sweep {
namespace {

/// Takes the lowest count numbers from a list that is sorted downwards.
std::vector<int> take(std::vector<int>& from, int count) {
    std::vector<int> taken(from.rbegin(), from.rbegin() + count);
    from.resize(from.size() - static_cast<std::size_t>(count));
    return taken;
}

void give_back(std::vector<int>& to, const std::vector<int>& numbers) {
    to.insert(to.end(), numbers.begin(), numbers.end());
    std::sort(to.begin(), to.end(), std::greater<>());
}

}  // namespace

Packing::Packing(Machine machine, int patience)
    : whole_(std::move(machine)),
      patience_(patience),
      cores_(whole_.cores),
      gpus_(whole_.gpus),
      memory_mb_(whole_.memory_mb) {
    std::sort(cores_.begin(), cores_.end(), std::greater<>());
    std::sort(gpus_.begin(), gpus_.end(), std::greater<>());
}

bool Packing::possible(const Shape& shape) const {
    return static_cast<std::size_t>(shape.cpus) <= whole_.cores.size() &&
           static_cast<std::size_t>(shape.gpus) <= whole_.gpus.size() && shape.memory_mb <= whole_.memory_mb;
}

bool Packing::fits(const Shape& shape) const {
    return static_cast<std::size_t>(shape.cpus) <= cores_.size() &&
           static_cast<std::size_t>(shape.gpus) <= gpus_.size() && shape.memory_mb <= memory_mb_;
}

void Packing::add(std::size_t run, const Shape& shape, double seconds) {
    queues_[shape].runs.insert({seconds, run});
    where_[run] = {shape, seconds};
}

bool Packing::remove(std::size_t run) {
    const auto found = where_.find(run);
    if (found == where_.end()) return false;
    const auto queue = queues_.find(found->second.first);
    queue->second.runs.erase({found->second.second, run});
    if (queue->second.runs.empty()) queues_.erase(queue);
    where_.erase(found);
    return true;
}

std::optional<Shape> Packing::reserved() const {
    const std::pair<const Shape, Queue>* most = nullptr;
    for (const auto& entry : queues_)
        if (entry.second.passed_over >= patience_ && !fits(entry.first) &&
            (!most || entry.second.passed_over > most->second.passed_over))
            most = &entry;
    if (!most) return std::nullopt;
    return most->first;
}

std::optional<Placement> Packing::next() {
    if (reserved()) return std::nullopt;
    // Of the shapes that fit: one that was passed over too often, then the longest run, then the widest.
    const auto rank = [&](const std::pair<const Shape, Queue>& entry) {
        const auto& [shape, queue] = entry;
        return std::tuple(queue.passed_over >= patience_, queue.runs.begin()->seconds, shape.cpus,
                          shape.gpus);
    };
    std::pair<const Shape, Queue>* best = nullptr;
    for (auto& entry : queues_)
        if (fits(entry.first) && (!best || rank(entry) > rank(*best))) best = &entry;
    if (!best) return std::nullopt;
    const Shape shape = best->first;
    for (auto& entry : queues_)
        if (&entry != best) ++entry.second.passed_over;
    best->second.passed_over = 0;
    const std::size_t run = best->second.runs.begin()->run;
    remove(run);
    Placement placement{run, shape, take(cores_, shape.cpus), take(gpus_, shape.gpus)};
    memory_mb_ -= shape.memory_mb;
    return placement;
}

void Packing::release(const Placement& placement) {
    give_back(cores_, placement.cores);
    give_back(gpus_, placement.gpus);
    memory_mb_ += placement.shape.memory_mb;
}

}  // namespace vtvc::sweep
