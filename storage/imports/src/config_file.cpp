#include "config_file.hpp"

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/json_text.hpp"

namespace vtvc {

nlohmann::json read_object(const std::filesystem::path& path) {
    constexpr std::uintmax_t largest = std::uintmax_t{16} << 20;
    std::error_code error;
    if (const auto bytes = std::filesystem::file_size(path, error); !error && bytes > largest)
        fail<StorageError>("{}: a configuration of {} bytes (at most {} are read)", path.string(), bytes,
                           largest);
    const auto text = read_text(path);
    if (const auto fault = fault_text(check_json(text)); !fault.empty())
        fail<StorageError>("{}: {}; was it cut or damaged?", path.string(), fault);
    auto json = nlohmann::json::parse(text);
    if (!json.is_object())
        fail<StorageError>("{}: is not a JSON object (the configuration of a network is one)", path.string());
    return json;
}

}  // namespace vtvc
