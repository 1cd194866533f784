// Which parts a path stands for, and their tensors in one list.
#include "vtvc/foreign/checkpoint.hpp"

#include <algorithm>
#include <utility>

#include "byte_source.hpp"
#include "convert.hpp"
#include "find_checkpoint.hpp"
#include "names.hpp"
#include "part.hpp"
#include "safetensors.hpp"
#include "shapes.hpp"
#include "shard_index.hpp"
#include "torch_archive.hpp"
#include "vtvc/core/error.hpp"
#include "zip_archive.hpp"

namespace vtvc {
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kLargestIndex = std::uint64_t{32} << 20;

/// Files that only Python's pickle reads, and torch.save's before PyTorch 1.6: said so, with the way out.
void refuse_pickle(const foreign::ByteSource& source) {
    constexpr std::string_view kBeforeZip("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15);
    const auto start = foreign::read_string(source, 0, std::min<std::size_t>(15, source.size()));
    if (start == kBeforeZip)
        fail<StorageError>(
            "{}: written by torch.save in its layout before PyTorch 1.6; save it again in Python: "
            "torch.save(torch.load(old, map_location='cpu'), new)",
            source.name());
    if (start.size() > 2 && start[0] == '\x80' && start[1] >= 2 && start[1] <= 5)
        fail<StorageError>(
            "{}: a plain pickle, not of torch.save; save it again in Python: "
            "torch.save(pickle.load(open(old, 'rb')), new)",
            source.name());
}

std::unique_ptr<foreign::Part> open_part(const fs::path& path) {
    auto source = foreign::open_bytes(path);
    if (source->size() == 0) fail<StorageError>("{} is empty; was its download cut?", path.string());
    if (foreign::looks_like_safetensors(*source) || path.extension() == ".safetensors")
        return foreign::open_safetensors(std::move(source));
    if (foreign::looks_like_zip(*source)) return foreign::open_torch_archive(std::move(source));
    refuse_pickle(*source);
    fail<StorageError>(
        "{} is no checkpoint that is known (safetensors, or a file of torch.save); what made it?",
        path.string());
}

}  // namespace

struct ForeignCheckpoint::Impl {
    struct Place {
        std::size_t part, index;
    };
    fs::path path;
    std::vector<std::unique_ptr<foreign::Part>> parts;
    foreign::Contents whole;
    std::vector<Place> places;  // of whole.tensors

    explicit Impl(fs::path given) : path(std::move(given)) {
        const auto file = foreign::find_checkpoint(path);
        if (file.extension() == ".json")
            open_shards(file);
        else
            add(file);
        sort_by_name();
    }

    void add(const fs::path& file) {
        parts.push_back(open_part(file));
        const auto& contents = parts.back()->contents();
        for (std::size_t i = 0; i < contents.tensors.size(); ++i) {
            whole.tensors.push_back(contents.tensors[i]);
            places.push_back({parts.size() - 1, i});
        }
        whole.notes.insert(contents.notes.begin(), contents.notes.end());
        whole.layout = contents.layout;
    }

    void open_shards(const fs::path& file) {
        const auto source = foreign::open_bytes(file);
        if (source->size() > kLargestIndex)
            fail<StorageError>("{}: an index of {} bytes (at most {} are read)", file.string(),
                               source->size(), kLargestIndex);
        const auto index = foreign::parse_shard_index(
            foreign::read_string(*source, 0, static_cast<std::size_t>(source->size())), file.string());
        for (const auto& name : index.files) {
            const auto shard = file.parent_path() / name;
            std::error_code unreadable;
            if (!fs::exists(shard, unreadable))
                fail<StorageError>("{} is missing ({} names it); fetch all shards", shard.string(),
                                   file.filename().string());
            add(shard);
        }
        check_shards(index, file);
        whole.notes.insert(index.notes.begin(), index.notes.end());
        if (parts.size() > 1) whole.layout += fmt::format(" in {} shards", parts.size());
    }

    /// The index and the shards agree on who holds what.
    void check_shards(const foreign::ShardIndex& index, const fs::path& file) const {
        std::size_t agreed = 0;
        for (std::size_t i = 0; i < whole.tensors.size(); ++i) {
            const auto& name = whole.tensors[i].name;
            const auto& shard = index.files[places[i].part];
            const auto found = index.weight_map.find(name);
            if (found == index.weight_map.end() || found->second != places[i].part)
                fail<StorageError>("{}: tensor '{}' is in {}, its weight_map {}", file.string(),
                                   foreign::shown(name), shard,
                                   found == index.weight_map.end() ? "does not name it"
                                                                   : "says " + index.files[found->second]);
            ++agreed;
        }
        if (agreed == index.weight_map.size()) return;
        for (const auto& [name, shard] : index.weight_map) {
            const auto& held = parts[shard]->contents().tensors;
            if (std::none_of(held.begin(), held.end(), [&, &n = name](const auto& t) { return t.name == n; }))
                fail<StorageError>("{}: tensor '{}' is not in {}, where its weight_map says", file.string(),
                                   foreign::shown(name), index.files[shard]);
        }
    }

    void sort_by_name() {
        std::vector<std::size_t> order(places.size());
        for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
        std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
            return whole.tensors[a].name < whole.tensors[b].name;
        });
        std::vector<ForeignTensor> tensors;
        std::vector<Place> sorted;
        tensors.reserve(order.size());
        sorted.reserve(order.size());
        for (const auto i : order) {
            if (!tensors.empty() && tensors.back().name == whole.tensors[i].name)
                fail<StorageError>("{}: two tensors are named '{}'", path.string(),
                                   foreign::shown(tensors.back().name));
            tensors.push_back(std::move(whole.tensors[i]));
            sorted.push_back(places[i]);
        }
        whole.tensors = std::move(tensors);
        places = std::move(sorted);
    }
};

ForeignCheckpoint::ForeignCheckpoint(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ForeignCheckpoint::~ForeignCheckpoint() = default;
ForeignCheckpoint::ForeignCheckpoint(ForeignCheckpoint&&) noexcept = default;
ForeignCheckpoint& ForeignCheckpoint::operator=(ForeignCheckpoint&&) noexcept = default;

ForeignCheckpoint ForeignCheckpoint::open(const fs::path& path) {
    return ForeignCheckpoint(std::make_unique<Impl>(path));
}

const fs::path& ForeignCheckpoint::path() const { return impl_->path; }
const std::string& ForeignCheckpoint::layout() const { return impl_->whole.layout; }
const std::vector<ForeignTensor>& ForeignCheckpoint::tensors() const { return impl_->whole.tensors; }
const std::map<std::string, std::string>& ForeignCheckpoint::notes() const { return impl_->whole.notes; }

void ForeignCheckpoint::read(std::size_t index, std::span<std::byte> out) const {
    const auto& tensor = impl_->whole.tensors.at(index);
    if (foreign::bytes_of(tensor.shape, size_of(tensor.type)) != out.size())
        fail<StorageError>("{}: tensor '{}' of {} {} does not fill {} bytes", impl_->path.string(),
                           foreign::shown(tensor.name), name_of(tensor.type),
                           foreign::shape_text(tensor.shape), out.size());
    const auto place = impl_->places[index];
    impl_->parts[place.part]->read(place.index, out);
}

void ForeignCheckpoint::read_f32(std::size_t index, std::span<float> out) const {
    const auto& tensor = impl_->whole.tensors.at(index);
    if (!is_floating(tensor.type))
        fail<StorageError>("{}: tensor '{}' holds {} (only f16, bf16, f32 and f64 become f32)",
                           impl_->path.string(), foreign::shown(tensor.name), name_of(tensor.type));
    if (tensor.type == ForeignType::f32) return read(index, std::as_writable_bytes(out));
    if (static_cast<std::uint64_t>(tensor.elements()) != out.size())
        fail<StorageError>("{}: tensor '{}' of shape {} does not fill {} numbers", impl_->path.string(),
                           foreign::shown(tensor.name), foreign::shape_text(tensor.shape), out.size());
    std::vector<std::byte> raw(out.size() * size_of(tensor.type));
    read(index, raw);
    foreign::convert_to_f32(raw, tensor.type, out);
}

}  // namespace vtvc
