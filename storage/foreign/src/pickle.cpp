#include "pickle.hpp"

#include <fmt/format.h>

#include <bit>
#include <unordered_map>

#include "pickle_stack.hpp"

namespace vtvc::foreign {

namespace {

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

/// Reads the opcodes; what each does to the stack is said in pickle_stack.hpp.
class Machine : PickleStack {
  public:
    Machine(std::string_view bytes, std::string_view where) : PickleStack(where), bytes_(bytes) {}

    PickleGraph run() {
        if (byte() != kProto) stop("it does not begin with its protocol");
        if (const auto protocol = byte(); protocol < 2 || protocol > 5)
            stop(fmt::format("its protocol is {}, 2 to 5 are read", protocol));
        while (!done_) {
            begin_opcode(at_);
            step(byte());
        }
        return finish(at_);
    }

  private:
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
                mark();
                return true;
            case kPop:
                pop_value_or_mark();
                return true;
            case kPopMark:
                (void)pop_to_mark();
                return true;
            case kDup:
                duplicate();
                return true;
            case kGlobal: {
                const auto module = line();
                push_global(module, line());
                return true;
            }
            case kStackGlobal:
                push_stacked_global();
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
                memoize();
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
                end_with_root();
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
    std::size_t at_ = 0;
    bool done_ = false;
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
