#pragma once
// Python's pickle format, protocols 2 to 5, as data: a machine that builds a graph of inert values. Classes
// and functions are names; calling one leaves a record of what would have been called. Nothing is looked up
// or run.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace vtvc::foreign {

/// A value's place in PickleGraph::values.
using PickleId = std::uint32_t;
constexpr PickleId kNoPickleValue = UINT32_MAX;

enum class PickleKind : std::uint8_t {
    none,
    boolean,
    integer,
    big_integer,  ///< wider than 64 bits
    real,
    text,
    bytes,
    tuple,
    list,
    set,
    dict,
    global,      ///< a class or function, by name
    object,      ///< what a call would have made
    persistent,  ///< a reference to something outside the pickle; target is the pickled reference
};

struct PickleValue {
    PickleKind kind = PickleKind::none;
    std::int64_t integer = 0;  ///< integer; boolean as 0 or 1
    double real = 0;
    std::string_view text;                ///< text, bytes, big_integer (little-endian); global: the name
    std::string_view module;              ///< global
    std::vector<PickleId> items;          ///< tuple, list, set; object: what was appended to it
    std::vector<PickleId> pairs;          ///< dict: key, value, key, value …; object: what was set in it
    PickleId target = kNoPickleValue;     ///< object: what was called; persistent: the reference
    PickleId arguments = kNoPickleValue;  ///< object
    PickleId state = kNoPickleValue;      ///< object: what BUILD gave it
};

/// Borrows the bytes it was parsed from. May hold cycles.
struct PickleGraph {
    std::vector<PickleValue> values;
    PickleId root = kNoPickleValue;
    std::size_t end = 0;  ///< bytes of the pickle, its STOP included

    const PickleValue& operator[](PickleId id) const { return values[id]; }
    /// "torch.FloatStorage" for a global, otherwise empty.
    std::string global_name(PickleId id) const;
};

/// The first pickle in bytes. StorageError says what is wrong and at which byte.
PickleGraph parse_pickle(std::string_view bytes, std::string_view where);

}  // namespace vtvc::foreign
