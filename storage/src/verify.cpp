#include "vtvc/storage/verify.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>

#include "h5_reader.hpp"
#include "h5_walk.hpp"

namespace vtvc {

namespace {

constexpr std::int64_t kPieceBytes = std::int64_t{1} << 22;  // of an array, for one thread at a time

/// Rows of one array, whole units of its checksums.
struct Piece {
    std::size_t part;
    std::int64_t first, count;
};

/// Rows of about so many bytes, whole units of the array's checksums.
std::int64_t units_of(std::int64_t bytes, const h5::Array& array) {
    const auto unit_bytes = std::max<std::int64_t>(1, static_cast<std::int64_t>(array.unit_bytes()));
    return std::max<std::int64_t>(1, bytes / unit_bytes) * array.unit_rows();
}

void check_parts(const h5::Reader& reader, FileReport& report, int threads) {
    std::vector<Piece> pieces;
    for (const auto& [name, array] : reader.index().arrays) {
        const auto step = units_of(kPieceBytes, array);
        for (std::int64_t first = 0; first < array.rows(); first += step)
            pieces.push_back({report.parts.size(), first, std::min(step, array.rows() - first)});
        report.parts.push_back({name, array.bytes(), ""});
    }
    std::atomic<std::size_t> next{0};
    std::mutex telling;
    const auto mapped = reader.mapped();
    const auto work = [&] {
        std::vector<h5::CacheLine> buffer;
        for (auto at = next++; at < pieces.size(); at = next++) {
            const auto& piece = pieces[at];
            auto& part = report.parts[piece.part];
            try {
                reader.verify(part.name, piece.first, piece.count, mapped ? &*mapped : nullptr, buffer);
            } catch (const StorageError& error) {
                const std::scoped_lock lock(telling);
                if (part.problem.empty()) part.problem = error.what();
            }
        }
    };
    std::vector<std::jthread> others;
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(work);
    work();
}

std::string text_of(const h5::Index& index, const char* name) {
    const auto found = index.attributes.find({"/", name});
    const auto* text = found == index.attributes.end() ? nullptr : std::get_if<std::string>(&found->second);
    return text == nullptr ? "" : *text;
}

/// The index of a file: its own if it can be trusted at all, else what HDF5 finds.
std::optional<h5::Index> index_of(const h5::File& file, FileReport& report) {
    try {
        auto seen = h5::look_at(file);
        report.damage = seen.damage;
        if (seen.index) return std::move(seen.index);
        return h5::walk_in_child(file, h5::peek_in_child(file, "vtvc_kind"), h5::kAnyVersion);
    } catch (const StorageError& error) {
        report.damage = error.what();
        return std::nullopt;
    }
}

}  // namespace

bool FileReport::whole() const {
    return damage.empty() &&
           std::all_of(parts.begin(), parts.end(), [](const FilePart& part) { return part.problem.empty(); });
}

std::uint64_t FileReport::bytes() const {
    std::uint64_t sum = 0;
    for (const auto& part : parts) sum += part.bytes;
    return sum;
}

FileReport verify_file(const std::filesystem::path& path, int threads) {
    if (!h5::is_hdf5(path))
        fail<StorageError>("{}: not an HDF5 file (was it cut, or is it of another program?)", path.string());
    auto file = h5::File::open(path);
    FileReport report;
    auto index = index_of(file, report);
    if (!index) return report;
    report.kind = text_of(*index, "vtvc_kind");
    report.hash = text_of(*index, "content_hash");
    if (report.damage.empty() && index->content_hash() != report.hash)
        report.damage = "its parts do not match its content hash";
    check_parts(h5::Reader(std::move(file), std::move(*index)), report, threads);
    return report;
}

}  // namespace vtvc
