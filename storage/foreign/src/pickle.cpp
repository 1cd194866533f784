#include "pickle.hpp"

#include <bit>
#include <limits>
#include <unordered_map>

#include "names.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::size_t kMostValues = 4'000'000;  // some 600 MB of records: a bound, far above real files

/// Opcodes by their names in Python's pickletools.
enum Op : std::uint8_t {
    kMark = '(',
    kStop = '.',
    kPop = '0',
    kPopMark = '1',
    kDup = '2',
    kBinInt = 'J',
    kBinInt1 = 'K',
    kBinInt2 = 'M',
    kBinFloat = 'G',
    kNone = 'N',
    kNewTrue = 0x88,
    kNewFalse = 0x89,
    kLong1 = 0x8a,
    kLong4 = 0x8b,
    kBinString = 'T',
    kShortBinString = 'U',
    kBinBytes = 'B',
    kShortBinBytes = 'C',
    kBinBytes8 = 0x8e,
    kByteArray8 = 0x96,
    kBinUnicode = 'X',
    kShortBinUnicode = 0x8c,
    kBinUnicode8 = 0x8d,
    kEmptyList = ']',
    kAppend = 'a',
    kAppends = 'e',
    kList = 'l',
    kEmptyTuple = ')',
    kTuple = 't',
    kTuple1 = 0x85,
    kTuple2 = 0x86,
    kTuple3 = 0x87,
    kEmptyDict = '}',
    kDict = 'd',
    kSetItem = 's',
    kSetItems = 'u',
    kEmptySet = 0x8f,
    kAddItems = 0x90,
    kFrozenSet = 0x91,
    kGlobal = 'c',
    kStackGlobal = 0x93,
    kReduce = 'R',
    kBuild = 'b',
    kNewObj = 0x81,
    kNewObjEx = 0x92,
    kBinPersId = 'Q',
    kBinPut = 'q',
    kLongBinPut = 'r',
    kMemoize = 0x94,
    kBinGet = 'h',
    kLongBinGet = 'j',
    kFrame = 0x95,
    kProto = 0x80,
};

class Machine {
  public:
    Machine(std::string_view bytes, std::string_view where) : bytes_(bytes), where_(where) {}

    PickleGraph run() {
        if (byte() != kProto) stop("it does not begin with its protocol");
        if (const auto protocol = byte(); protocol < 2 || protocol > 5)
            stop(fmt::format("its protocol is {}, 2 to 5 are read", protocol));
        while (!done_) {
            opcode_at_ = at_;
            step(byte());
        }
        graph_.end = at_;
        return std::move(graph_);
    }

  private:
    [[noreturn]] void stop(std::string_view problem) const {
        fail<StorageError>("{}: damaged pickle at byte {} ({}); save it again with torch.save", where_,
                           opcode_at_, problem);
    }

    // ---- the bytes

    std::string_view take(std::uint64_t count) {
        if (count > bytes_.size() - at_)
            stop(fmt::format("{} bytes are promised, {} are left", count, bytes_.size() - at_));
        const auto taken = bytes_.substr(at_, static_cast<std::size_t>(count));
        at_ += taken.size();
        return taken;
    }
    std::uint8_t byte() { return static_cast<std::uint8_t>(take(1)[0]); }
    std::uint64_t number(std::size_t width) {
        const auto raw = take(width);
        std::uint64_t value = 0;
        for (std::size_t i = raw.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(raw[i]);
        return value;
    }
    std::string_view line() {
        const auto end = bytes_.find('\n', at_);
        if (end == std::string_view::npos) stop("a line has no end");
        const auto text = bytes_.substr(at_, end - at_);
        at_ = end + 1;
        return text;
    }

    // ---- the stack

    PickleId add(PickleValue value) {
        if (graph_.values.size() >= kMostValues)
            fail<StorageError>("{}: its pickle holds more than {} values (a bomb?); save the tensors only",
                               where_, kMostValues);
        graph_.values.push_back(std::move(value));
        return static_cast<PickleId>(graph_.values.size() - 1);
    }
    void push(PickleValue value) { stack_.push_back(add(std::move(value))); }
    void push_kind(PickleKind kind) {
        PickleValue value;
        value.kind = kind;
        push(std::move(value));
    }
    void push_integer(PickleKind kind, std::int64_t integer) {
        PickleValue value;
        value.kind = kind;
        value.integer = integer;
        push(std::move(value));
    }
    void push_text(PickleKind kind, std::string_view text) {
        PickleValue value;
        value.kind = kind;
        value.text = text;
        push(std::move(value));
    }
    void push_items(PickleKind kind, std::vector<PickleId> items) {
        PickleValue value;
        value.kind = kind;
        value.items = std::move(items);
        push(std::move(value));
    }
    /// What lies above the last mark cannot be reached past it.
    std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
    PickleId pop() {
        if (stack_.size() <= floor()) stop("nothing is left on its stack");
        const auto id = stack_.back();
        stack_.pop_back();
        return id;
    }
    std::vector<PickleId> pop_many(std::size_t count) {
        if (stack_.size() - floor() < count) stop("nothing is left on its stack");
        std::vector<PickleId> ids(stack_.end() - static_cast<std::ptrdiff_t>(count), stack_.end());
        stack_.resize(stack_.size() - count);
        return ids;
    }
    std::vector<PickleId> pop_to_mark() {
        if (marks_.empty()) stop("a mark is missing");
        auto ids = pop_many(stack_.size() - marks_.back());
        marks_.pop_back();
        return ids;
    }
    PickleValue& top() {
        if (stack_.size() <= floor()) stop("nothing is left on its stack");
        return graph_.values[stack_.back()];
    }

    // ---- containers, calls, memo

    void append(const std::vector<PickleId>& ids, PickleKind kind) {
        auto& value = top();
        if (value.kind != kind && value.kind != PickleKind::object)
            stop("something is added to what is no list");
        value.items.insert(value.items.end(), ids.begin(), ids.end());
    }
    void set_items(const std::vector<PickleId>& ids) {
        if (ids.size() % 2 != 0) stop("a key has no value");
        auto& value = top();
        if (value.kind != PickleKind::dict && value.kind != PickleKind::object)
            stop("a key is set in what is no dict");
        value.pairs.insert(value.pairs.end(), ids.begin(), ids.end());
    }
    void push_global(std::string_view module, std::string_view name) {
        PickleValue value;
        value.kind = PickleKind::global;
        value.module = module;
        value.text = name;
        push(std::move(value));
    }
    void stack_global() {
        const auto ids = pop_many(2);
        const auto &module = graph_[ids[0]], &name = graph_[ids[1]];
        if (module.kind != PickleKind::text || name.kind != PickleKind::text) stop("a class has no name");
        push_global(module.text, name.text);
    }
    void call(PickleId target, PickleId arguments) {
        PickleValue value;
        value.kind = PickleKind::object;
        value.target = target;
        value.arguments = arguments;
        push(std::move(value));
    }
    void build() {
        const auto state = pop();
        auto& value = top();
        // Python would call __setstate__ or fill __dict__; on a plain container that is an error there too.
        if (value.kind != PickleKind::object) stop("a state is given to what is no object");
        value.state = state;
    }
    void put(std::uint64_t slot) {
        (void)top();
        memo_[slot] = stack_.back();
    }
    void get(std::uint64_t slot) {
        const auto found = memo_.find(slot);
        if (found == memo_.end()) stop(fmt::format("memo {} was never set", slot));
        stack_.push_back(found->second);
        if (stack_.size() > 2 * kMostValues) stop("its stack holds too many values");
    }
    /// A whole number of any width, little-endian, two's complement.
    void push_long(std::string_view raw) {
        if (raw.size() > sizeof(std::int64_t)) return push_text(PickleKind::big_integer, raw);
        std::uint64_t value = 0;
        for (std::size_t i = raw.size(); i-- > 0;) value = value << 8U | static_cast<unsigned char>(raw[i]);
        const auto unused = 64U - 8U * static_cast<unsigned>(raw.size());
        // Shifted up and down again: the sign follows. By 64 it would not be defined.
        push_integer(
            PickleKind::integer,
            raw.empty() ? 0 : static_cast<std::int64_t>(value << unused) >> static_cast<int>(unused));
    }

    void step(std::uint8_t op) {
        if (!scalar(op) && !container(op) && !record(op)) refuse(op);
    }

    bool scalar(std::uint8_t op) {
        switch (op) {
            case kNone:
                push_kind(PickleKind::none);
                return true;
            case kNewTrue:
            case kNewFalse:
                push_integer(PickleKind::boolean, op == kNewTrue ? 1 : 0);
                return true;
            case kBinInt:
                push_integer(PickleKind::integer, static_cast<std::int32_t>(number(4)));
                return true;
            case kBinInt1:
                push_integer(PickleKind::integer, static_cast<std::int64_t>(number(1)));
                return true;
            case kBinInt2:
                push_integer(PickleKind::integer, static_cast<std::int64_t>(number(2)));
                return true;
            case kLong1:
                push_long(take(number(1)));
                return true;
            case kLong4:
                push_long(take(number(4)));
                return true;
            case kBinFloat: {  // the one big-endian number
                PickleValue value;
                value.kind = PickleKind::real;
                value.real = std::bit_cast<double>(__builtin_bswap64(number(8)));
                push(std::move(value));
                return true;
            }
            case kShortBinUnicode:
            case kShortBinString:
                push_text(PickleKind::text, take(number(1)));
                return true;
            case kBinUnicode:
            case kBinString:
                push_text(PickleKind::text, take(number(4)));
                return true;
            case kBinUnicode8:
                push_text(PickleKind::text, take(number(8)));
                return true;
            case kShortBinBytes:
                push_text(PickleKind::bytes, take(number(1)));
                return true;
            case kBinBytes:
                push_text(PickleKind::bytes, take(number(4)));
                return true;
            case kBinBytes8:
            case kByteArray8:
                push_text(PickleKind::bytes, take(number(8)));
                return true;
            default:
                return false;
        }
    }

    bool container(std::uint8_t op) {
        switch (op) {
            case kEmptyList:
                push_kind(PickleKind::list);
                return true;
            case kEmptyTuple:
                push_kind(PickleKind::tuple);
                return true;
            case kEmptyDict:
                push_kind(PickleKind::dict);
                return true;
            case kEmptySet:
                push_kind(PickleKind::set);
                return true;
            case kTuple1:
            case kTuple2:
            case kTuple3:
                push_items(PickleKind::tuple, pop_many(op - kTuple1 + std::size_t{1}));
                return true;
            case kTuple:
                push_items(PickleKind::tuple, pop_to_mark());
                return true;
            case kList:
                push_items(PickleKind::list, pop_to_mark());
                return true;
            case kFrozenSet:
                push_items(PickleKind::set, pop_to_mark());
                return true;
            case kDict: {
                const auto ids = pop_to_mark();
                push_kind(PickleKind::dict);
                set_items(ids);
                return true;
            }
            case kAppend:
                append(pop_many(1), PickleKind::list);
                return true;
            case kAppends:
                append(pop_to_mark(), PickleKind::list);
                return true;
            case kAddItems:
                append(pop_to_mark(), PickleKind::set);
                return true;
            case kSetItem:
                set_items(pop_many(2));
                return true;
            case kSetItems:
                set_items(pop_to_mark());
                return true;
            default:
                return false;
        }
    }

    bool record(std::uint8_t op) {
        switch (op) {
            case kMark:
                marks_.push_back(stack_.size());
                return true;
            case kPop:  // Python pops the mark where nothing lies above it
                if (!marks_.empty() && stack_.size() == marks_.back())
                    marks_.pop_back();
                else
                    (void)pop();
                return true;
            case kPopMark:
                (void)pop_to_mark();
                return true;
            case kDup: {
                const auto id = pop();
                stack_.insert(stack_.end(), {id, id});
                return true;
            }
            case kGlobal: {
                const auto module = line();
                push_global(module, line());
                return true;
            }
            case kStackGlobal:
                stack_global();
                return true;
            case kReduce:
            case kNewObj: {
                const auto ids = pop_many(2);
                call(ids[0], ids[1]);
                return true;
            }
            case kNewObjEx: {  // arguments by name are no tensors: left out
                const auto ids = pop_many(3);
                call(ids[0], ids[1]);
                return true;
            }
            case kBuild:
                build();
                return true;
            case kBinPersId: {
                PickleValue value;
                value.kind = PickleKind::persistent;
                value.target = pop();
                push(std::move(value));
                return true;
            }
            case kBinPut:
                put(number(1));
                return true;
            case kLongBinPut:
                put(number(4));
                return true;
            case kMemoize:
                put(memo_.size());
                return true;
            case kBinGet:
                get(number(1));
                return true;
            case kLongBinGet:
                get(number(4));
                return true;
            case kFrame:
                if (const auto bytes = number(8); bytes > bytes_.size() - at_)
                    stop(fmt::format("a frame of {} bytes is promised, {} are left", bytes,
                                     bytes_.size() - at_));
                return true;
            case kStop:
                graph_.root = pop();
                if (!stack_.empty() || !marks_.empty()) stop("values are left over at its end");
                done_ = true;
                return true;
            default:
                return false;
        }
    }

    [[noreturn]] void refuse(std::uint8_t op) const {
        static const std::unordered_map<std::uint8_t, std::string_view> kNames{{'I', "INT"},
                                                                               {'L', "LONG"},
                                                                               {'F', "FLOAT"},
                                                                               {'S', "STRING"},
                                                                               {'V', "UNICODE"},
                                                                               {'g', "GET"},
                                                                               {'p', "PUT"},
                                                                               {'P', "PERSID"},
                                                                               {'i', "INST"},
                                                                               {'o', "OBJ"},
                                                                               {0x82, "EXT1"},
                                                                               {0x83, "EXT2"},
                                                                               {0x84, "EXT4"},
                                                                               {0x97, "NEXT_BUFFER"},
                                                                               {0x98, "READONLY_BUFFER"},
                                                                               {kProto, "a second PROTO"}};
        const auto known = kNames.find(op);
        if (known == kNames.end()) stop(fmt::format("no opcode has the number {:#04x}", op));
        stop(fmt::format("opcode {}, which torch.save never writes", known->second));
    }

    std::string_view bytes_;
    std::string_view where_;
    std::size_t at_ = 0, opcode_at_ = 0;
    bool done_ = false;
    PickleGraph graph_;
    std::vector<PickleId> stack_;
    std::vector<std::size_t> marks_;
    std::unordered_map<std::uint64_t, PickleId> memo_;  // not a vector: slots are the file's numbers
};

}  // namespace

std::string PickleGraph::global_name(PickleId id) const {
    if (id >= values.size() || values[id].kind != PickleKind::global) return {};
    return fmt::format("{}.{}", values[id].module, values[id].text);
}

PickleGraph parse_pickle(std::string_view bytes, std::string_view where) {
    return Machine(bytes, where).run();
}

}  // namespace vtvc::foreign
