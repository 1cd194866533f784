#include "vtvc/sweep/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>

#include "vtvc/core/error.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/core/hash.hpp"

namespace vtvc::sweep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view record_begin = "{\"n\":", sum_begin = ",\"sum\":\"", record_end = "\"}\n";
constexpr std::size_t sum_digits = 16;
constexpr std::size_t tail_bytes = sum_begin.size() + sum_digits + record_end.size();

constexpr std::array<std::string_view, 10> state_names{
    "PLANNED", "QUEUED",    "RUNNING", "CHECKPOINTED", "DONE", "FAILED", "FAILED_NO_PROGRESS",
    "PRUNED",  "CANCELLED", "LOST"};
constexpr std::array<std::string_view, 7> kind_names{"open",  "manager", "start", "end",
                                                     "found", "cancel",  "retry"};

template <std::size_t N>
std::optional<std::size_t> index_of(const std::array<std::string_view, N>& names, const std::string& name) {
    for (std::size_t i = 0; i < N; ++i)
        if (names[i] == name) return i;
    return std::nullopt;
}

std::string checksum(std::string_view body) { return Hasher().add(body).hex().substr(0, sum_digits); }

/// The record whose line is text, the end of the line included.
std::optional<Record> parse_line(std::string_view text) {
    if (text.size() < record_begin.size() + tail_bytes || !text.ends_with(record_end)) return std::nullopt;
    const std::string_view body = text.substr(0, text.size() - tail_bytes);
    const std::string_view tail = text.substr(body.size());
    if (!tail.starts_with(sum_begin) || tail.substr(sum_begin.size(), sum_digits) != checksum(body))
        return std::nullopt;
    const auto json = nlohmann::json::parse(text.begin(), text.end(), nullptr, false);
    if (!json.is_object()) return std::nullopt;
    Record record;
    const auto kind = index_of(kind_names, json.value("kind", ""));
    const auto state = index_of(state_names, json.value("state", "PLANNED"));
    if (!kind || !state) return std::nullopt;
    record.kind = static_cast<RecordKind>(*kind);
    record.state = static_cast<State>(*state);
    record.number = json.value("n", std::uint64_t{0});
    record.time = json.value("t", 0.0);
    record.run = std::strtoull(json.value("run", "0").c_str(), nullptr, 16);
    record.attempt = json.value("attempt", 0);
    record.pid = json.value("pid", std::int64_t{0});
    record.code = json.value("code", 0);
    record.cause = json.value("cause", "");
    record.text = json.value("text", "");
    record.id = json.value("id", "");
    record.step = json.value("step", std::int64_t{-1});
    record.seconds = json.value("seconds", 0.0);
    if (const auto metric = json.find("metric"); metric != json.end() && metric->is_number())
        record.metric = metric->get<double>();
    return record;
}

double wall_clock() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string_view state_name(State state) { return state_names[static_cast<std::size_t>(state)]; }

std::string journal_line(const Record& record) {
    Json json{{"n", record.number},
              {"t", std::round(record.time * 1000) / 1000},
              {"kind", kind_names[static_cast<std::size_t>(record.kind)]}};
    if (record.run != 0) json["run"] = key_text(record.run);
    if (record.attempt != 0) json["attempt"] = record.attempt;
    if (record.pid != 0) json["pid"] = record.pid;
    if (record.kind == RecordKind::end) {
        json["state"] = state_name(record.state);
        json["code"] = record.code;
        json["seconds"] = std::round(record.seconds * 1000) / 1000;
        if (record.step >= 0) json["step"] = record.step;
        if (std::isfinite(record.metric)) json["metric"] = record.metric;
    }
    if (!record.cause.empty()) json["cause"] = record.cause;
    if (!record.id.empty()) json["id"] = record.id;
    if (!record.text.empty()) json["text"] = record.text;
    std::string line = json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    line.pop_back();  // the brace: the checksum is the last member
    return fmt::format("{}{}{}{}", line, sum_begin, checksum(line), record_end);
}

JournalContents parse_journal(std::string_view text) {
    JournalContents contents;
    std::uint64_t expected = 0;
    std::size_t at = 0;
    while (at < text.size()) {
        const auto end = text.find('\n', at);
        const std::size_t length = end == std::string_view::npos ? text.size() - at : end + 1 - at;
        if (auto record = parse_line(text.substr(at, length))) {
            if (record->number != expected)
                contents.notes.push_back(
                    record->number == expected + 1
                        ? fmt::format("record {} is missing", expected)
                        : fmt::format("records {} to {} are missing", expected, record->number - 1));
            expected = record->number + 1;
            contents.records.push_back(std::move(*record));
            at += length;
            continue;
        }
        // On to where the next record may begin: in a line whose end was damaged, that is inside of it.
        const std::size_t from = at;
        at = text.find(record_begin, at + 1);
        if (at == std::string_view::npos) at = text.size();
        if (text.substr(from, at - from) == "\n") continue;  // what closes a torn line
        if (!contents.dropped.empty() &&
            contents.dropped.back().offset + contents.dropped.back().bytes == from) {
            contents.dropped.back().bytes += at - from;
        } else {
            contents.dropped.push_back({from, at - from});
        }
    }
    for (const Dropped& dropped : contents.dropped)
        contents.notes.push_back(fmt::format("{} bytes at byte {} are no record (torn or damaged)",
                                             dropped.bytes, dropped.offset));
    return contents;
}

Journal::Journal(const std::filesystem::path& path) : path_(path) {
    file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (file_ < 0) fail<StorageError>("cannot open the journal {} ({})", path.string(), std::strerror(errno));
    try {
        const std::string text = read_text(path);
        before_ = parse_journal(text);
        torn_ = !text.empty() && text.back() != '\n';
    } catch (...) {
        ::close(file_);
        throw;
    }
    if (!before_.records.empty()) next_ = before_.records.back().number + 1;
}

Journal::~Journal() { ::close(file_); }

void Journal::write(Record record) {
    record.number = next_;
    record.time = wall_clock();
    const std::string line = fmt::format("{}{}", torn_ ? "\n" : "", journal_line(record));
    ssize_t written = -1;
    do {
        written = ::write(file_, line.data(), line.size());
    } while (written < 0 && errno == EINTR);
    dirty_ = true;
    if (written == static_cast<ssize_t>(line.size())) {
        torn_ = false;
        ++next_;
        return;
    }
    const int code = written < 0 ? errno : ENOSPC;
    torn_ = torn_ || written > 0;
    fail<StorageError>("cannot write to the journal {} ({}); no run is started without it", path_.string(),
                       std::strerror(code));
}

void Journal::sync() {
    if (!dirty_) return;
    if (::fdatasync(file_) != 0)
        fail<StorageError>("cannot bring the journal {} to the disk ({})", path_.string(),
                           std::strerror(errno));
    dirty_ = false;
}

}  // namespace vtvc::sweep
