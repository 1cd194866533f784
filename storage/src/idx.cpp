#include "vtvc/storage/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <utility>

#include "vtvc/core/error.hpp"

namespace vtvc {

namespace {

constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kMostDimensions = 4;
constexpr std::uint64_t kDeflateRatio = 1032;  // no stream of deflate grows by more

/// Hands out the file's bytes, unpacked where it is gzip, never more than asked for; a piece of it is in
/// memory.
class Source {
  public:
    Source(std::unique_ptr<std::istream> in, std::uint64_t bytes, std::string_view where)
        : path_(where),
          in_(std::move(in)),
          bytes_(bytes),
          piece_(static_cast<std::size_t>(std::clamp<std::uint64_t>(bytes, 16, kPiece))) {
        refill();
        gzip_ = stream_.avail_in >= 2 && piece_[0] == '\x1f' && piece_[1] == '\x8b';
        if (gzip_ && inflateInit2(&stream_, 15 + 16) != Z_OK)
            fail<StorageError>("{}: zlib did not start", path_);
    }
    ~Source() {
        if (gzip_) (void)inflateEnd(&stream_);  // its only error is a stream that never began
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    bool gzip() const { return gzip_; }
    std::uint64_t file_bytes() const { return bytes_; }
    const std::string& path() const { return path_; }

    /// As many bytes as are left, room.size() at most.
    std::size_t take(std::span<std::uint8_t> room) {
        std::size_t given = 0;
        while (given < room.size() && (!gzip_ || !ended_)) {
            if (stream_.avail_in == 0) refill();
            const auto got = gzip_ ? unpack(room.subspan(given)) : copy(room.subspan(given));
            if (got == 0 && !gzip_) break;
            given += got;
        }
        return given;
    }

    /// Refuses anything that follows what was taken.
    void expect_end() {
        std::array<std::uint8_t, 1> more{};
        if (take(more) != 0)
            fail<StorageError>("{}: bytes follow the promised ones; is it an IDX file?", path_);
        const auto left = stream_.avail_in + (bytes_ - read_);
        if (gzip_ && left != 0)
            fail<StorageError>("{}: {} bytes follow its gzip stream; fetch it again", path_, left);
    }

  private:
    void refill() {
        in_->read(piece_.data(), static_cast<std::streamsize>(piece_.size()));
        if (in_->bad()) fail<StorageError>("{}: cannot be read further; is the disk failing?", path_);
        stream_.next_in = reinterpret_cast<Bytef*>(piece_.data());
        stream_.avail_in = static_cast<uInt>(in_->gcount());
        read_ += stream_.avail_in;
    }
    std::size_t copy(std::span<std::uint8_t> room) {
        const auto n = std::min<std::size_t>(room.size(), stream_.avail_in);
        std::copy_n(stream_.next_in, n, room.begin());
        stream_.next_in += n;
        stream_.avail_in -= static_cast<uInt>(n);
        return n;
    }
    std::size_t unpack(std::span<std::uint8_t> room) {
        const auto wanted = std::min<std::size_t>(room.size(), kPiece);
        stream_.next_out = room.data();
        stream_.avail_out = static_cast<uInt>(wanted);
        const int code = inflate(&stream_, Z_NO_FLUSH);
        ended_ = code == Z_STREAM_END;
        if (code == Z_BUF_ERROR) fail<StorageError>("{}: its gzip stream is cut; fetch it again", path_);
        if (code != Z_OK && !ended_)
            fail<StorageError>("{}: its gzip stream is damaged ({}); fetch it again", path_,
                               stream_.msg != nullptr ? stream_.msg : "zlib gives no reason");
        return wanted - stream_.avail_out;
    }

    std::string path_;
    std::unique_ptr<std::istream> in_;
    std::uint64_t bytes_, read_ = 0;  ///< of the file; of them, how many were asked for
    std::vector<char> piece_;
    bool gzip_ = false, ended_ = false;
    z_stream stream_{};
};

std::uint32_t big_endian(std::span<const std::uint8_t, 4> b) {
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

/// The shape in the header, after comparing what it promises with what the file can hold.
std::vector<std::int64_t> header_of(Source& source) {
    std::array<std::uint8_t, 4> word{};
    const auto next = [&] {
        if (source.take(word) != word.size())
            fail<StorageError>("{}: ends within its IDX header ({} bytes in the file)", source.path(),
                               source.file_bytes());
    };
    next();
    if (word[0] != 0 || word[1] != 0 || word[2] != 8 || word[3] < 1 || word[3] > kMostDimensions)
        fail<StorageError>(
            "{}: not an IDX file of bytes with 1 to {} dimensions (it starts with {:02x} {:02x} {:02x} "
            "{:02x}, 00 00 08 and their number are needed)",
            source.path(), kMostDimensions, word[0], word[1], word[2], word[3]);
    std::vector<std::int64_t> shape;
    std::uint64_t promised = 1;
    for (int i = word[3]; i > 0; --i) {
        next();
        const auto size = big_endian(word);
        shape.push_back(size);
        if (__builtin_mul_overflow(promised, std::uint64_t{size}, &promised))
            fail<StorageError>("{}: its header promises more bytes than can be counted", source.path());
    }
    const auto possible = source.gzip() ? source.file_bytes() * kDeflateRatio : source.file_bytes();
    if (promised > possible)
        fail<StorageError>(
            "{}: its header promises {} bytes of data, a file of {} bytes cannot hold them; was it cut?",
            source.path(), promised, source.file_bytes());
    return shape;
}

}  // namespace

struct IdxReader::Impl {
    Source source;
    std::vector<std::int64_t> shape;
    std::uint64_t promised = 1, given = 0;

    Impl(std::unique_ptr<std::istream> in, std::uint64_t bytes, std::string_view where)
        : source(std::move(in), bytes, where), shape(header_of(source)) {
        for (const auto size : shape) promised *= static_cast<std::uint64_t>(size);
    }
};

IdxReader::IdxReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
IdxReader::~IdxReader() = default;
IdxReader::IdxReader(IdxReader&&) noexcept = default;

IdxReader IdxReader::open(const std::filesystem::path& path) {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(path, error);
    auto file = std::make_unique<std::ifstream>(path, std::ios::binary);
    if (error || !file->is_open())
        fail<StorageError>("cannot read {} ({})", path.string(),
                           error ? error.message() : "it cannot be opened");
    return IdxReader(std::make_unique<Impl>(std::move(file), bytes, path.string()));
}

const std::vector<std::int64_t>& IdxReader::shape() const { return impl_->shape; }

std::size_t IdxReader::read(std::span<std::uint8_t> out) {
    auto& in = *impl_;
    const auto wanted = out.first(std::min<std::uint64_t>(out.size(), in.promised - in.given));
    const auto got = in.source.take(wanted);
    in.given += got;
    if (got < wanted.size())
        fail<StorageError>("{}: its header promises {} bytes of data, {} are there; was it cut?",
                           in.source.path(), in.promised, in.given);
    if (in.given == in.promised) in.source.expect_end();
    return got;
}

namespace {
IdxArray all_of(IdxReader reader) {
    IdxArray array{reader.shape(), {}};
    std::size_t promised = 1;
    for (const auto size : array.shape) promised *= static_cast<std::size_t>(size);
    do {  // grows with what is there, not with what is promised
        const auto have = array.values.size();
        array.values.resize(have + std::min(kPiece, promised - have));
        (void)reader.read(std::span(array.values).subspan(have));
    } while (array.values.size() < promised);
    return array;
}
}  // namespace

IdxArray read_idx(const std::filesystem::path& path) { return all_of(IdxReader::open(path)); }

IdxArray parse_idx(std::string bytes, std::string_view where) {
    const auto size = bytes.size();
    auto in = std::make_unique<std::istringstream>(std::move(bytes), std::ios::binary);
    return all_of(IdxReader(std::make_unique<IdxReader::Impl>(std::move(in), size, where)));
}

}  // namespace vtvc
