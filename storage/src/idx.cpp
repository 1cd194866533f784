#include "vtvc/storage/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"

namespace vtvc {

namespace {

using Bytes = std::vector<std::uint8_t>;
constexpr std::size_t kPiece = std::size_t{1} << 20;
constexpr std::size_t kMostDimensions = 4;
constexpr std::uint64_t kDeflateRatio = 1032;  // no stream of deflate grows by more

/// Hands out the file's bytes, unpacked where it is gzip, never more than asked for.
class Source {
  public:
    Source(std::string bytes, std::string_view where)
        : path_(where), raw_(std::move(bytes)), gzip_(raw_.starts_with("\x1f\x8b")) {
        if (raw_.size() > std::numeric_limits<uInt>::max())
            fail<StorageError>("{}: larger than 4 GiB, no IDX file of images is", path_);
        stream_.next_in = reinterpret_cast<Bytef*>(raw_.data());
        stream_.avail_in = static_cast<uInt>(raw_.size());
        if (gzip_ && inflateInit2(&stream_, 15 + 16) != Z_OK)
            fail<StorageError>("{}: zlib did not start", path_);
    }
    ~Source() {
        if (gzip_) (void)inflateEnd(&stream_);  // its only error is a stream that never began
    }
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;

    bool gzip() const { return gzip_; }
    std::uint64_t file_bytes() const { return raw_.size(); }

    /// As many bytes as are left, room.size() at most.
    std::size_t take(std::span<std::uint8_t> room) {
        if (!gzip_) {
            const auto n = std::min(room.size(), raw_.size() - at_);
            std::copy_n(reinterpret_cast<const std::uint8_t*>(raw_.data()) + at_, n, room.begin());
            at_ += n;
            return n;
        }
        stream_.next_out = room.data();
        stream_.avail_out = static_cast<uInt>(room.size());
        while (stream_.avail_out > 0 && !ended_) {
            const int code = inflate(&stream_, Z_NO_FLUSH);
            ended_ = code == Z_STREAM_END;
            if (code == Z_BUF_ERROR) fail<StorageError>("{}: its gzip stream is cut; fetch it again", path_);
            if (code != Z_OK && !ended_)
                fail<StorageError>("{}: its gzip stream is damaged ({}); fetch it again", path_,
                                   stream_.msg != nullptr ? stream_.msg : "zlib gives no reason");
        }
        return room.size() - stream_.avail_out;
    }

    /// Refuses anything that follows what was taken.
    void expect_end() {
        std::array<std::uint8_t, 1> more{};
        if (take(more) != 0)
            fail<StorageError>("{}: bytes follow the promised ones; is it an IDX file?", path_);
        if (gzip_ && stream_.avail_in != 0)
            fail<StorageError>("{}: {} bytes follow its gzip stream; fetch it again", path_,
                               stream_.avail_in);
    }

  private:
    std::string path_, raw_;
    bool gzip_, ended_ = false;
    std::size_t at_ = 0;
    z_stream stream_{};
};

std::uint32_t big_endian(std::span<const std::uint8_t, 4> b) {
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path) { return parse_idx(read_text(path), path.string()); }

IdxArray parse_idx(std::string bytes, std::string_view where) {
    Source source(std::move(bytes), where);
    std::array<std::uint8_t, 4> word{};
    const auto next = [&] {
        if (source.take(word) != word.size())
            fail<StorageError>("{}: ends within its IDX header ({} bytes in the file)", where,
                               source.file_bytes());
    };
    next();
    if (word[0] != 0 || word[1] != 0 || word[2] != 8 || word[3] < 1 || word[3] > kMostDimensions)
        fail<StorageError>(
            "{}: not an IDX file of bytes with 1 to {} dimensions (it starts with {:02x} {:02x} {:02x} "
            "{:02x}, 00 00 08 and their number are needed)",
            where, kMostDimensions, word[0], word[1], word[2], word[3]);
    IdxArray array;
    std::uint64_t promised = 1;
    for (int i = word[3]; i > 0; --i) {
        next();
        const auto size = big_endian(word);
        array.shape.push_back(size);
        if (__builtin_mul_overflow(promised, std::uint64_t{size}, &promised))
            fail<StorageError>("{}: its header promises more bytes than can be counted", where);
    }
    const auto possible = source.gzip() ? source.file_bytes() * kDeflateRatio : source.file_bytes();
    if (promised > possible)
        fail<StorageError>(
            "{}: its header promises {} bytes of data, a file of {} bytes cannot hold them; was it cut?",
            where, promised, source.file_bytes());
    while (array.values.size() < promised) {  // grows with what is there, not with what is promised
        const auto have = array.values.size();
        array.values.resize(have + std::min<std::uint64_t>(kPiece, promised - have));
        const auto got = source.take(std::span(array.values).subspan(have));
        if (have + got < array.values.size())
            fail<StorageError>("{}: its header promises {} bytes of data, {} are there; was it cut?", where,
                               promised, have + got);
    }
    source.expect_end();
    return array;
}

}  // namespace vtvc
