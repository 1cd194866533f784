#pragma once
// What a pickle's opcodes work on: a stack with marks, a memo, and the graph that grows from them. Every step
// is checked: nothing is taken from below a mark, and what is added to a list must be added to one.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pickle.hpp"

namespace vtvc::foreign {

class PickleStack {
  public:
    explicit PickleStack(std::string_view where) : where_(where) {}

    /// StorageError: the problem and the byte of the opcode.
    [[noreturn]] void stop(std::string_view problem) const;
    void begin_opcode(std::size_t at) { opcode_at_ = at; }

    void push(PickleValue value) { stack_.push_back(add(std::move(value))); }
    void push_kind(PickleKind kind);
    void push_integer(PickleKind kind, std::int64_t integer);
    void push_text(PickleKind kind, std::string_view text);
    void push_items(PickleKind kind, std::vector<PickleId> items);
    /// A whole number of any width, little-endian, two's complement.
    void push_long(std::string_view raw);
    void push_global(std::string_view module, std::string_view name);
    /// Of two texts on the stack.
    void push_stacked_global();

    PickleId pop();
    std::vector<PickleId> pop_many(std::size_t count);
    std::vector<PickleId> pop_to_mark();
    /// As Python's POP: the mark, where nothing lies above it.
    void pop_value_or_mark();
    void mark() { marks_.push_back(stack_.size()); }
    void duplicate();

    /// To the list or set (kind) on top, or to an object that stands for one.
    void append(const std::vector<PickleId>& ids, PickleKind kind);
    /// Keys and values, to the dict or object on top.
    void set_items(const std::vector<PickleId>& ids);
    /// A record of a call; nothing is called.
    void call(PickleId target, PickleId arguments);
    /// The state on top to the object below it.
    void build();

    void put(std::uint64_t slot);
    void memoize() { put(memo_.size()); }
    void get(std::uint64_t slot);

    /// The one value left is the root.
    void end_with_root();
    /// The graph; end: bytes of the pickle.
    PickleGraph finish(std::size_t end);

  private:
    PickleId add(PickleValue value);
    /// What lies above the last mark cannot be reached past it.
    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    PickleValue& top();

    std::string_view where_;
    std::size_t opcode_at_ = 0;
    PickleGraph graph_;
    std::vector<PickleId> stack_;
    std::vector<std::size_t> marks_;
    std::unordered_map<std::uint64_t, PickleId> memo_;  // not a vector: slots are the file's numbers
};

}  // namespace vtvc::foreign
