#include "pickle_stack.hpp"

#include <utility>

#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::size_t kMostValues = 4'000'000;  // some 600 MB of records: a bound, far above real files

}  // namespace

void PickleStack::stop(std::string_view problem) const {
    fail<StorageError>("{}: damaged pickle at byte {} ({}); save it again with torch.save", where_,
                       opcode_at_, problem);
}

PickleId PickleStack::add(PickleValue value) {
    if (graph_.values.size() >= kMostValues)
        fail<StorageError>("{}: its pickle holds more than {} values (a bomb?); save the tensors only",
                           where_, kMostValues);
    graph_.values.push_back(std::move(value));
    return static_cast<PickleId>(graph_.values.size() - 1);
}

void PickleStack::push_kind(PickleKind kind) {
    PickleValue value;
    value.kind = kind;
    push(std::move(value));
}

void PickleStack::push_integer(PickleKind kind, std::int64_t integer) {
    PickleValue value;
    value.kind = kind;
    value.integer = integer;
    push(std::move(value));
}

void PickleStack::push_text(PickleKind kind, std::string_view text) {
    PickleValue value;
    value.kind = kind;
    value.text = text;
    push(std::move(value));
}

void PickleStack::push_items(PickleKind kind, std::vector<PickleId> items) {
    PickleValue value;
    value.kind = kind;
    value.items = std::move(items);
    push(std::move(value));
}

PickleId PickleStack::pop() {
    if (stack_.size() <= floor()) stop("nothing is left on its stack");
    const auto id = stack_.back();
    stack_.pop_back();
    return id;
}

std::vector<PickleId> PickleStack::pop_many(std::size_t count) {
    if (stack_.size() - floor() < count) stop("nothing is left on its stack");
    std::vector<PickleId> ids(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
    stack_.resize(stack_.size() - count);
    return ids;
}

std::vector<PickleId> PickleStack::pop_to_mark() {
    if (marks_.empty()) stop("a mark is missing");
    auto ids = pop_many(stack_.size() - marks_.back());
    marks_.pop_back();
    return ids;
}

PickleValue& PickleStack::top() {
    if (stack_.size() <= floor()) stop("nothing is left on its stack");
    return graph_.values[stack_.back()];
}

void PickleStack::append(const std::vector<PickleId>& ids, PickleKind kind) {
    auto& value = top();
    if (value.kind != kind && value.kind != PickleKind::object) stop("something is added to what is no list");
    value.items.insert(value.items.end(), ids.begin(), ids.end());
}

void PickleStack::set_items(const std::vector<PickleId>& ids) {
    if (ids.size() % 2 != 0) stop("a key has no value");
    auto& value = top();
    if (value.kind != PickleKind::dict && value.kind != PickleKind::object)
        stop("a key is set in what is no dict");
    value.pairs.insert(value.pairs.end(), ids.begin(), ids.end());
}

void PickleStack::push_global(std::string_view module, std::string_view name) {
    PickleValue value;
    value.kind = PickleKind::global;
    value.module = module;
    value.text = name;
    push(std::move(value));
}

void PickleStack::push_stacked_global() {
    const auto ids = pop_many(2);
    const auto &module = graph_[ids[0]], &name = graph_[ids[1]];
    if (module.kind != PickleKind::text || name.kind != PickleKind::text) stop("a class has no name");
    push_global(module.text, name.text);
}

void PickleStack::call(PickleId target, PickleId arguments) {
    PickleValue value;
    value.kind = PickleKind::object;
    value.target = target;
    value.arguments = arguments;
    push(std::move(value));
}

void PickleStack::build() {
    const auto state = pop();
    auto& value = top();
    // Python would call __setstate__ or fill __dict__; on a plain container that is an error there too.
    if (value.kind != PickleKind::object) stop("a state is given to what is no object");
    value.state = state;
}

void PickleStack::put(std::uint64_t slot) {
    (void)top();
    memo_[slot] = stack_.back();
}

void PickleStack::get(std::uint64_t slot) {
    const auto found = memo_.find(slot);
    if (found == memo_.end()) stop(fmt::format("memo {} was never set", slot));
    stack_.push_back(found->second);
    if (stack_.size() > 2 * kMostValues) stop("its stack holds too many values");
}

void PickleStack::push_long(std::string_view raw) {
    if (raw.size() > sizeof(std::int64_t)) return push_text(PickleKind::big_integer, raw);
    std::uint64_t value = 0;
    for (std::size_t i = raw.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(raw[i]);
    const auto unused = 64U - 8U * static_cast<unsigned>(raw.size());
    // Shifted up and down again: the sign follows. By 64 it would not be defined.
    push_integer(PickleKind::integer,
                 raw.empty() ? 0 : static_cast<std::int64_t>(value << unused) >> static_cast<int>(unused));
}

void PickleStack::pop_value_or_mark() {
    if (!marks_.empty() && stack_.size() == marks_.back())
        marks_.pop_back();
    else
        (void)pop();
}

void PickleStack::duplicate() {
    const auto id = pop();
    stack_.insert(stack_.end(), {id, id});
}

void PickleStack::end_with_root() {
    graph_.root = pop();
    if (!stack_.empty() || !marks_.empty()) stop("values are left over at its end");
}

PickleGraph PickleStack::finish(std::size_t end) {
    graph_.end = end;
    return std::move(graph_);
}

}  // namespace vtvc::foreign
