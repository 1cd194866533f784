#include "vtvc/core/json_text.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

namespace vtvc {

namespace {

using nlohmann::json;

/// The library tells what it meets; false stops it.
class Watcher : public nlohmann::json_sax<json> {
  public:
    explicit Watcher(const JsonLimits& limits) : limits_(limits) {}
    const JsonCheck& found() const { return found_; }

    bool null() override { return count(); }
    bool boolean(bool) override { return count(); }
    bool number_integer(number_integer_t) override { return count(); }
    bool number_unsigned(number_unsigned_t) override { return count(); }
    bool number_float(number_float_t, const string_t&) override { return count(); }
    bool string(string_t&) override { return count(); }
    bool binary(binary_t&) override { return count(); }
    bool start_object(std::size_t) override { return open() && count(); }
    bool start_array(std::size_t) override { return open() && count(); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (!keys_.back().insert(name).second) {
            found_.key = name;
            return stop(JsonFault::key_twice);
        }
        return count();
    }
    bool parse_error(std::size_t byte, const std::string&, const json::exception& error) override {
        found_.byte = byte;
        const bool number = dynamic_cast<const json::out_of_range*>(&error) != nullptr;
        return stop(number ? JsonFault::huge_number : JsonFault::syntax);
    }

  private:
    bool stop(JsonFault fault) {
        found_.fault = fault;
        return false;
    }
    bool count() { return ++values_ <= limits_.values || stop(JsonFault::too_many); }
    bool open() {
        keys_.emplace_back();
        return keys_.size() <= limits_.depth || stop(JsonFault::too_deep);
    }
    bool close() {
        keys_.pop_back();
        return true;
    }

    const JsonLimits& limits_;
    JsonCheck found_;
    std::size_t values_ = 0;
    std::vector<std::set<std::string>> keys_;  // of what is open; arrays have none
};

}  // namespace

JsonCheck check_json(std::string_view text, const JsonLimits& limits) {
    Watcher watcher(limits);
    (void)json::sax_parse(text.begin(), text.end(), &watcher);  // false: the watcher knows why
    return watcher.found();
}

std::string fault_text(const JsonCheck& check, const JsonLimits& limits) {
    switch (check.fault) {
        case JsonFault::none:
            return "";
        case JsonFault::syntax:
            return fmt::format("is not JSON (byte {})", check.byte);
        case JsonFault::too_deep:
            return fmt::format("is nested deeper than {}", limits.depth);
        case JsonFault::too_many:
            return fmt::format("has more than {} values", limits.values);
        case JsonFault::huge_number:
            return "holds a number too large to be one";
        case JsonFault::key_twice:
            return "has a key twice in one object";
    }
    return "";
}

}  // namespace vtvc
