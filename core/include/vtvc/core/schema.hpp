#pragma once
// One description of a job's keys serves every purpose: reading with checks, dumping commented defaults, the
// resolved configuration, the run's id. A job struct describes itself to a Visitor, once, in plain code.
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace vtvc {

/// What a key means for the identity of a run (design: a run is a folder named by content).
enum class Role {
    science,    ///< part of the run's id
    execution,  ///< ranks, threads, places: not part of it
    input,      ///< a path; the content hash of the file is part of the id, the path is not
};

/// What is known of a key beside its type and its default.
struct Key {
    std::string_view help;  ///< one sentence
    std::string_view unit = "";
    Role role = Role::science;
    double min =
        -std::numeric_limits<double>::infinity();  ///< inclusive, numbers (and elements of lists) only
    double max = std::numeric_limits<double>::infinity();
    enum class Presence { optional, required } presence = Presence::optional;
    std::string_view way = "";  ///< to what is missing, for an input that another job makes
};

/// Names of an enumeration's values in their order, as written in files. Specialise beside each enumeration:
/// template <> struct EnumNames<Spike> { static constexpr std::array names{"group", "coefficient"}; };
template <class E>
struct EnumNames;

/// Names are dotted paths from the file's root ("train.batch"), or from the row inside a table array.
class Visitor {
  public:
    virtual ~Visitor() = default;
    /// Starts a [name] table; help is printed above it by --dump-default.
    virtual void section(std::string_view name, std::string_view help) = 0;
    virtual void key(std::string_view name, bool& value, const Key& about) = 0;
    virtual void key(std::string_view name, std::int64_t& value, const Key& about) = 0;
    virtual void key(std::string_view name, double& value, const Key& about) = 0;
    virtual void key(std::string_view name, std::string& value, const Key& about) = 0;
    virtual void key(std::string_view name, std::vector<std::int64_t>& value, const Key& about) = 0;
    virtual void key(std::string_view name, std::vector<double>& value, const Key& about) = 0;
    virtual void key(std::string_view name, std::vector<std::string>& value, const Key& about) = 0;
    virtual void choice(std::string_view name, int& index, std::span<const std::string_view> names,
                        const Key& about) = 0;

    template <class E>
    requires std::is_enum_v<E>
    void key(std::string_view name, E& value, const Key& about) {
        int index = static_cast<int>(value);
        choice(name, index, EnumNames<E>::names, about);
        // Only a reader writes: visitors that merely look may be shown a const job.
        if (index != static_cast<int>(value)) value = static_cast<E>(index);
    }

    /// An array of tables, [[name]]; T has describe(Visitor&).
    template <class T>
    void rows(std::string_view name, std::vector<T>& values, const Key& about) {
        const std::size_t count = begin_rows(name, values.size(), about);
        if (count != values.size()) values.resize(count);
        for (std::size_t i = 0; i < values.size(); ++i) {
            begin_row(i);
            values[i].describe(*this);
            end_row();
        }
        if (values.empty()) {  // lets a dump show what a row may hold
            T sample;
            if (begin_sample_row()) sample.describe(*this);
            end_sample_row();
        }
        end_rows();
    }

  protected:
    /// Says how many rows there are: a reader answers from the file, a writer answers count.
    virtual std::size_t begin_rows(std::string_view name, std::size_t count, const Key& about) = 0;
    virtual void begin_row(std::size_t index) = 0;
    virtual void end_row() = 0;
    virtual bool begin_sample_row() { return false; }
    virtual void end_sample_row() {}
    virtual void end_rows() = 0;
};

}  // namespace vtvc
