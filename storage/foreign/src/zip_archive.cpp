#include "zip_archive.hpp"

#include <zip.h>

#include <algorithm>
#include <array>
#include <mutex>

#include "names.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc::foreign {

namespace {

constexpr std::uint64_t kDeflateRatio = 1032;  // no stream of deflate grows by more
constexpr zip_int64_t kMostEntries = 1'000'000;

std::string text_of(zip_error_t* error) {
    std::string text = zip_error_strerror(error);
    zip_error_fini(error);
    return text;
}

/// What libzip asks for, answered from a ByteSource.
struct Stream {
    std::unique_ptr<ByteSource> source;
    std::uint64_t at = 0;
    zip_error_t error{};

    zip_int64_t command(void* data, zip_uint64_t bytes, zip_source_cmd_t asked) {
        switch (asked) {
            case ZIP_SOURCE_OPEN:
                at = 0;
                return 0;
            case ZIP_SOURCE_READ:
                return read(static_cast<std::byte*>(data), bytes);
            case ZIP_SOURCE_SEEK: {
                const auto to = zip_source_seek_compute_offset(at, source->size(), data, bytes, &error);
                if (to < 0) return -1;
                at = static_cast<std::uint64_t>(to);
                return 0;
            }
            case ZIP_SOURCE_TELL:
                return static_cast<zip_int64_t>(at);
            case ZIP_SOURCE_STAT: {
                auto* stat = static_cast<zip_stat_t*>(data);
                zip_stat_init(stat);
                stat->size = source->size();
                stat->valid |= ZIP_STAT_SIZE;
                return sizeof *stat;
            }
            case ZIP_SOURCE_ERROR:
                return zip_error_to_data(&error, data, bytes);
            case ZIP_SOURCE_SUPPORTS:
                return zip_source_make_command_bitmap(
                    ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE, ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR,
                    ZIP_SOURCE_FREE, ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
            case ZIP_SOURCE_CLOSE:
            case ZIP_SOURCE_FREE:  // ours: it outlives the archive
                return 0;
            default:
                zip_error_set(&error, ZIP_ER_OPNOTSUPP, 0);
                return -1;
        }
    }

    zip_int64_t read(std::byte* data, std::uint64_t bytes) {
        const auto left = source->size() - std::min(at, source->size());
        const auto count = static_cast<std::size_t>(std::min(bytes, left));
        try {  // libzip is C: an exception may not pass through it
            source->read(at, {data, count});
        } catch (const StorageError&) {
            zip_error_set(&error, ZIP_ER_READ, 0);
            return -1;
        }
        at += count;
        return static_cast<zip_int64_t>(count);
    }

    static zip_int64_t call(void* self, void* data, zip_uint64_t bytes, zip_source_cmd_t asked) {
        return static_cast<Stream*>(self)->command(data, bytes, asked);
    }
};

struct CloseFile {
    void operator()(zip_file_t* file) const { (void)zip_fclose(file); }  // read only: nothing can be lost
};
struct Discard {
    void operator()(zip_t* archive) const { zip_discard(archive); }
};

}  // namespace

struct ZipArchive::Handle {
    Stream stream;
    std::unique_ptr<zip_t, Discard> archive;
    std::mutex mutex;  // libzip's handles have one position
};

ZipArchive::ZipArchive(std::unique_ptr<ByteSource> source) : handle_(std::make_unique<Handle>()) {
    handle_->stream.source = std::move(source);
    const auto& where = name();
    zip_error_t error;
    zip_error_init(&error);
    auto* from = zip_source_function_create(Stream::call, &handle_->stream, &error);
    if (from == nullptr) fail<StorageError>("{}: libzip did not start ({})", where, text_of(&error));
    handle_->archive.reset(zip_open_from_source(from, ZIP_RDONLY | ZIP_CHECKCONS, &error));
    if (!handle_->archive) {
        zip_source_free(from);
        const bool twice = zip_error_code_zip(&error) == ZIP_ER_EXISTS;
        const auto why = text_of(&error);
        if (twice) fail<StorageError>("{}: two entries have one name; which one is meant?", where);
        fail<StorageError>("{}: not a whole zip archive ({}); was its download cut?", where, why);
    }
    zip_error_fini(&error);
    auto* archive = handle_->archive.get();
    const auto count = zip_get_num_entries(archive, 0);
    if (count > kMostEntries)
        fail<StorageError>("{}: {} entries (at most {} are read)", where, count, kMostEntries);
    for (zip_int64_t i = 0; i < count; ++i) {
        zip_stat_t stat;
        zip_stat_init(&stat);
        constexpr auto kNeeded = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD |
                                 ZIP_STAT_ENCRYPTION_METHOD;
        if (zip_stat_index(archive, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW, &stat) != 0 ||
            (stat.valid & kNeeded) != kNeeded)
            fail<StorageError>("{}: entry {} of the zip archive has no name or size", where, i);
        if (stat.encryption_method != ZIP_EM_NONE)
            fail<StorageError>("{}: entry '{}' is encrypted; unpack the archive and pack it again", where,
                               shown(stat.name));
        if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
            fail<StorageError>("{}: entry '{}' is packed by method {} (0 and 8 are read)", where,
                               shown(stat.name), stat.comp_method);
        const auto packed = std::min(stat.comp_size, handle_->stream.source->size());
        if (stat.size > (stat.comp_method == ZIP_CM_STORE ? packed : packed * kDeflateRatio))
            fail<StorageError>(
                "{}: entry '{}' promises {} bytes, its {} packed ones cannot hold them (a bomb?)", where,
                shown(stat.name), stat.size, packed);
        entries_.emplace(stat.name,
                         Entry{static_cast<std::uint64_t>(i), stat.size, stat.comp_method == ZIP_CM_DEFLATE});
    }
}

ZipArchive::~ZipArchive() = default;

const std::string& ZipArchive::name() const { return handle_->stream.source->name(); }

/// An entry, unpacked from its beginning on.
struct ZipArchive::Opened {
    const ZipArchive& archive;
    const Entry& entry;
    std::unique_ptr<zip_file_t, CloseFile> file;

    Opened(const ZipArchive& from, const Entry& wanted)
        : archive(from), entry(wanted), file(zip_fopen_index(from.handle_->archive.get(), wanted.index, 0)) {
        if (!file) stop(zip_strerror(archive.handle_->archive.get()));
    }
    [[noreturn]] void stop(const char* why) const {
        fail<StorageError>("{}: entry {} of the zip archive is damaged ({}); fetch the file again",
                           archive.name(), entry.index, why);
    }
    void fill(std::span<std::byte> out) const {
        for (std::size_t at = 0; at < out.size();) {
            const auto got = zip_fread(file.get(), out.data() + at, out.size() - at);
            if (got < 0) stop(zip_file_strerror(file.get()));
            if (got == 0) stop("it ends early");
            at += static_cast<std::size_t>(got);
        }
    }
    /// A stored entry can be read from anywhere; of a deflated one, what comes before must be unpacked.
    void skip(std::uint64_t bytes) const {
        if (bytes > 0 && !entry.deflated &&
            zip_fseek(file.get(), static_cast<zip_int64_t>(bytes), SEEK_SET) != 0)
            stop(zip_file_strerror(file.get()));
        std::array<std::byte, 16384> skipped{};
        for (auto left = entry.deflated ? bytes : 0; left > 0;) {
            const auto part = std::span(skipped).first(std::min<std::uint64_t>(skipped.size(), left));
            fill(part);
            left -= part.size();
        }
    }
    /// libzip compares the checksum when it is asked for what follows the last byte.
    void end() const {
        std::byte more{};
        if (zip_fread(file.get(), &more, 1) < 0) stop(zip_file_strerror(file.get()));
    }
};

void ZipArchive::read(const Entry& entry, std::uint64_t offset, std::span<std::byte> out) const {
    const std::lock_guard lock(handle_->mutex);
    const Opened opened(*this, entry);
    opened.skip(offset);
    opened.fill(out);
    if (offset + out.size() == entry.bytes) opened.end();
}

void ZipArchive::read_on(const Entry& entry, std::uint64_t offset,
                         const std::function<void(std::span<const std::byte>)>& take) const {
    const std::lock_guard lock(handle_->mutex);
    const Opened opened(*this, entry);
    opened.skip(offset);
    std::vector<std::byte> piece(std::size_t{1} << 20);
    for (auto left = entry.bytes - offset; left > 0;) {
        const auto part = std::span(piece).first(std::min<std::uint64_t>(piece.size(), left));
        opened.fill(part);
        take(part);
        left -= part.size();
    }
    opened.end();
}

std::string ZipArchive::read_text(const Entry& entry) const {
    std::string text(static_cast<std::size_t>(entry.bytes), '\0');
    read(entry, 0, std::as_writable_bytes(std::span(text)));
    return text;
}

bool looks_like_zip(const ByteSource& source) {
    return source.size() >= 4 && read_string(source, 0, 4) == "PK\x03\x04";
}

}  // namespace vtvc::foreign
