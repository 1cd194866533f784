#include "json.hpp"

#include "names.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc::foreign {

using nlohmann::json;

json parse_json(std::string_view text, std::string_view what, std::string_view where) {
    constexpr JsonLimits kLimits{.depth = 8, .values = 4'000'000};
    const auto found = check_json(text, kLimits);
    switch (found.fault) {
        case JsonFault::none:
            return json::parse(text.begin(), text.end());
        case JsonFault::syntax:
            fail<StorageError>("{}: its {} is not JSON (byte {}); was it cut or damaged?", where, what,
                               found.byte);
        case JsonFault::key_twice:
            fail<StorageError>("{}: its {} has the key '{}' twice; which one is meant?", where, what,
                               shown(found.key));
        default:
            fail<StorageError>("{}: the JSON of its {} {}", where, what, fault_text(found, kLimits));
    }
}

}  // namespace vtvc::foreign
