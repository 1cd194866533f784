#pragma once
// Where a model came from, as kept in model and bank files: the layout, and for every tensor of the foreign
// checkpoint its name, type and shape and the rows of the block that it fills. Export writes by it.
#include <map>
#include <string>
#include <vector>

#include "vtvc/imports/mapping.hpp"
#include "vtvc/imports/network.hpp"

namespace vtvc {

struct OriginTensor {
    ForeignTensor tensor;
    std::string block;
    Part part = Part::whole;
    Orientation orientation = Orientation::as_is;
};
struct Origin {
    std::string layout;
    std::string config;  ///< text of config.json; empty: none
    std::vector<OriginTensor> tensors;
};

Origin origin_of(const ForeignNetwork& network, const std::string& config);
/// JSON text and back; StorageError (about where) for text that is not an origin.
std::string to_json(const Origin& origin);
Origin origin_from_json(const std::string& text, const std::string& where);
/// Of a network that vtvc trained: the blocks themselves, under their own names.
Origin own_origin(const std::vector<std::pair<std::string, std::vector<std::int64_t>>>& blocks);

}  // namespace vtvc
