#include "torch_archive.hpp"

#include <vector>

#include "names.hpp"
#include "torch_walk.hpp"
#include "vtvc/core/error.hpp"
#include "zip_archive.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::uint64_t kLargestPickle = std::uint64_t{64} << 20;
constexpr std::string_view kPickleName = "/data.pkl";

/// What stands before "/data.pkl": torch names it after the file.
std::string top_folder(const ZipArchive& archive) {
    std::string top;
    for (const auto& [name, entry] : archive.entries()) {
        if (!name.ends_with(kPickleName) || name.find('/') + kPickleName.size() != name.size()) continue;
        if (!top.empty())
            fail<StorageError>("{}: two pickles ({}, {})", archive.name(), shown(top), shown(name));
        top = name.substr(0, name.size() - kPickleName.size());
    }
    if (top.empty())
        fail<StorageError>(
            "{}: a zip archive without a data.pkl (torch.save writes one); is it a checkpoint?",
            archive.name());
    return top;
}

void check_byte_order(const ZipArchive& archive, const std::string& top) {
    const auto entry = archive.entries().find(top + "/byteorder");
    if (entry == archive.entries().end()) return;  // older than 2.1: always the machine's, in practice little
    const auto order = entry->second.bytes <= 16 ? archive.read_text(entry->second) : "";
    if (order != "little")
        fail<StorageError>(
            "{}: written on a machine of byte order '{}' (only little is read); save it again there "
            "with torch.serialization.set_default_load_endianness, or as safetensors",
            archive.name(), shown(order));
}

class TorchPart final : public Part {
  public:
    TorchPart(std::unique_ptr<ZipArchive> archive, Contents contents, std::vector<PickledTensor> tensors,
              std::vector<ZipArchive::Entry> storages)
        : Part(std::move(contents)),
          archive_(std::move(archive)),
          tensors_(std::move(tensors)),
          storages_(std::move(storages)) {}

    void read(std::size_t index, std::span<std::byte> out) const override {
        if (out.empty()) return;
        const auto& tensor = tensors_[index];
        const auto item = size_of(tensor.tensor.type);
        const auto begin = tensor.view.offset * item;
        if (is_contiguous(tensor)) return archive_->read(storages_[index], begin, out);
        std::vector<std::byte> storage(static_cast<std::size_t>(extent(tensor)) * item);
        archive_->read(storages_[index], begin, storage);
        gather(tensor, storage, out);
    }

  private:
    std::unique_ptr<ZipArchive> archive_;
    std::vector<PickledTensor> tensors_;
    std::vector<ZipArchive::Entry> storages_;  // of each tensor
};

}  // namespace

std::unique_ptr<Part> open_torch_archive(std::unique_ptr<ByteSource> source) {
    auto archive = std::make_unique<ZipArchive>(std::move(source));
    const auto& where = archive->name();
    const auto top = top_folder(*archive);
    check_byte_order(*archive, top);
    const auto& pickle = archive->entries().find(top + std::string(kPickleName))->second;
    if (pickle.bytes > kLargestPickle)
        fail<StorageError>("{}: its data.pkl has {} bytes (at most {} are read); save the tensors only",
                           where, pickle.bytes, kLargestPickle);
    const auto text = archive->read_text(pickle);
    auto contents = walk_torch(parse_pickle(text, where), where);
    Contents listed{contents.layout, {}, std::move(contents.notes)};
    std::vector<ZipArchive::Entry> storages;
    for (const auto& tensor : contents.tensors) {
        const auto found = archive->entries().find(fmt::format("{}/data/{}", top, tensor.view.key));
        if (found == archive->entries().end())
            fail<StorageError>(
                "{}: the storage '{}' of tensor '{}' is missing in the archive; was it packed again?", where,
                shown(tensor.view.key), shown(tensor.tensor.name));
        if (found->second.bytes != tensor.view.storage_bytes)
            fail<StorageError>("{}: the storage '{}' of tensor '{}' has {} bytes, the pickle says {}", where,
                               shown(tensor.view.key), shown(tensor.tensor.name), found->second.bytes,
                               tensor.view.storage_bytes);
        storages.push_back(found->second);
        listed.tensors.push_back(tensor.tensor);
    }
    return std::make_unique<TorchPart>(std::move(archive), std::move(listed), std::move(contents.tensors),
                                       std::move(storages));
}

}  // namespace vtvc::foreign
