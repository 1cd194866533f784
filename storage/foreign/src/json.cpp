#include "json.hpp"

#include <set>
#include <vector>

#include "names.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

using nlohmann::json;

json parse_json(std::string_view text, std::string_view what, std::string_view where) {
    constexpr int kDeepest = 8;
    constexpr std::size_t kMostValues = 4'000'000;
    std::vector<std::set<std::string>> keys;  // of the objects that are open
    std::size_t values = 0;
    const auto watch = [&](int depth, json::parse_event_t event, json& value) {
        if (depth > kDeepest)
            fail<StorageError>("{}: the JSON of its {} is nested deeper than {}", where, what, kDeepest);
        if (++values > kMostValues)
            fail<StorageError>("{}: the JSON of its {} has more than {} values", where, what, kMostValues);
        if (event == json::parse_event_t::object_start) keys.emplace_back();
        if (event == json::parse_event_t::object_end) keys.pop_back();
        if (event == json::parse_event_t::key) {
            const auto& key = value.get_ref<const std::string&>();
            if (!keys.back().insert(key).second)
                fail<StorageError>("{}: its {} has the key '{}' twice; which one is meant?", where, what,
                                   shown(key));
        }
        return true;
    };
    try {
        return json::parse(text.begin(), text.end(), watch);
    } catch (const json::parse_error& error) {
        fail<StorageError>("{}: its {} is not JSON (byte {}); was it cut or damaged?", where, what,
                           error.byte);
    } catch (const json::out_of_range&) {
        fail<StorageError>("{}: its {} holds a number too large to be one", where, what);
    }
}

}  // namespace vtvc::foreign
