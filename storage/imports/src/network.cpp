#include "vtvc/imports/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "forms.hpp"
#include "vtvc/core/error.hpp"
#include "vtvc/core/numbers.hpp"

namespace vtvc {

ForeignNetwork ForeignNetwork::open(const std::filesystem::path& path, const MappingOptions& options) {
    auto checkpoint = ForeignCheckpoint::open(path);
    auto mapping = map_names(checkpoint.tensors(), options, path.string());
    // Sizes beside a zero are bounded by nothing in the file; arithmetic on shapes relies on there being
    // none.
    for (const auto& piece : mapping.pieces)
        if (const auto& tensor = checkpoint.tensors()[piece.tensor]; tensor.elements() == 0)
            fail<StorageError>(
                "{}: tensor '{}' of shape {} holds no numbers (block '{}' needs some); was it cut?",
                path.string(), tensor.name, shape_text(tensor.shape), piece.block);
    return {std::move(checkpoint), std::move(mapping)};
}

std::vector<Piece> ForeignNetwork::pieces_of(const std::string& block) const {
    std::vector<Piece> found;
    for (const auto& piece : mapping_.pieces)
        if (piece.block == block) found.push_back(piece);
    return found;
}

const ForeignTensor& ForeignNetwork::tensor_of(const Piece& piece) const {
    const auto& tensor = checkpoint_.tensors()[piece.tensor];
    if (piece.orientation == Orientation::transposed && tensor.shape.size() != 2)
        fail<StorageError>("{}: tensor '{}' of shape {} cannot be transposed (it needs two dimensions)",
                           path(), tensor.name, shape_text(tensor.shape));
    return tensor;
}

std::vector<std::string> ForeignNetwork::blocks() const {
    std::vector<std::string> names;
    for (const auto& piece : mapping_.pieces)
        if (names.empty() || names.back() != piece.block) names.push_back(piece.block);
    return names;
}

std::string ForeignNetwork::describe(const std::string& block) const {
    std::string text;
    for (const auto& piece : pieces_of(block)) {
        const auto& tensor = checkpoint_.tensors()[piece.tensor];
        text += fmt::format("{}'{}' {} {}", text.empty() ? "" : ", ", tensor.name, name_of(tensor.type),
                            shape_text(tensor.shape));
    }
    return text;
}

std::vector<std::int64_t> ForeignNetwork::shape(const std::string& block) const {
    const auto pieces = pieces_of(block);
    if (pieces.empty()) fail<StorageError>("{}: has no tensor for block '{}'", path(), block);
    const auto shape_of = [&](const Piece& piece) {
        return canonical_shape(block, tensor_of(piece).shape, piece.orientation);
    };
    auto shape = shape_of(pieces.front());
    if (pieces.front().part == Part::whole) return shape;
    if (pieces.size() != 3)
        fail<StorageError>("{}: only {} of q, k and v of block '{}' are there: {}", path(), pieces.size(),
                           block, describe(block));
    for (const auto& piece : pieces)
        if (shape_of(piece) != shape || shape.empty())
            fail<StorageError>("{}: q, k and v of block '{}' differ in shape: {}", path(), block,
                               describe(block));
    shape[0] *= 3;
    return shape;
}

std::vector<float> ForeignNetwork::read(const std::string& block,
                                        const std::vector<std::int64_t>& shape) const {
    return read(block, shape, {}, nullptr);
}

ForeignNetwork::Contents ForeignNetwork::read_hashed(const std::string& block,
                                                     const std::vector<std::int64_t>& shape,
                                                     std::vector<float> room) const {
    Hasher hasher;
    auto values = read(block, shape, std::move(room), &hasher);
    return {std::move(values), hasher.hex()};
}

std::vector<float> ForeignNetwork::read(const std::string& block, const std::vector<std::int64_t>& shape,
                                        std::vector<float> room, Hasher* hasher) const {
    const auto pieces = pieces_of(block);
    std::size_t elements = 1, there = 0;
    for (const auto size : shape) elements *= static_cast<std::size_t>(size);
    for (const auto& piece : pieces) there += static_cast<std::size_t>(tensor_of(piece).elements());
    if (there != elements)
        fail<StorageError>("{}: block '{}' should have shape {}, the file has {}", path(), block,
                           shape_text(shape), describe(block));
    auto values = std::move(room);
    values.resize(elements);
    std::span<float> rest(values);
    for (const auto& piece : pieces) {
        const auto& tensor = tensor_of(piece);
        const auto part = rest.first(static_cast<std::size_t>(tensor.elements()));
        rest = rest.subspan(part.size());
        checkpoint_.read_f32(piece.tensor, part);
        if (const auto bad = first_not_finite(part))
            fail<StorageError>(
                "{}: tensor '{}' has {} at element {} (one such value spoils every composition); was the "
                "training stable, is the file whole?",
                path(), tensor.name, part[*bad], *bad);
        if (hasher != nullptr)
            hasher->add(name_of(tensor.type))
                .add(shape_text(tensor.shape))
                .add(fmt::format("{} {}", static_cast<int>(piece.part), static_cast<int>(piece.orientation)))
                .add(std::as_bytes(part));
        if (piece.orientation == Orientation::transposed) {
            const auto turned = transposed(part, static_cast<std::size_t>(tensor.shape[0]),
                                           static_cast<std::size_t>(tensor.shape[1]));
            std::copy(turned.begin(), turned.end(), part.begin());
        }
    }
    return values;
}

std::string ForeignNetwork::content_hash(const std::map<std::string, std::string>& hash_of_block) {
    Hasher hasher;
    for (const auto& [block, hash] : hash_of_block) hasher.add(block).add(hash);
    return hasher.hex();
}

}  // namespace vtvc
