// The journal: whatever happens to its bytes, every whole record is read and what was lost is said.
#include "vtvc/sweep/journal.hpp"

#include <fstream>
#include <random>

#include "../core/temporary_folder.hpp"
#include "vtvc/core/files.hpp"
#include "vtvc/sweep/state.hpp"

namespace vtvc::sweep {
namespace {

/// A journal as a manager would write it: ends of all kinds, awkward texts.
std::vector<Record> sample() {
    std::vector<Record> records;
    Record record;
    record.kind = RecordKind::open;
    record.text = "fingerprint {\"n\":1,\"sum\":\"not one\"}\n with lines \xff";
    records.push_back(record);
    for (int i = 0; i < 5; ++i) {
        Record start;
        start.kind = RecordKind::start;
        start.run = 0x1234567890abcdefULL + static_cast<Key>(i);
        start.attempt = 1 + i % 3;
        records.push_back(start);
        Record end = start;
        end.kind = RecordKind::end;
        end.state = i % 4 == 0 ? State::failed : State::done;
        end.code = i % 4 == 0 ? 137 : 0;
        end.cause = i % 4 == 0 ? "signal" : "";
        end.text = "said \"so\" \\ {\"n\":7}";
        end.seconds = 1.5 * i;
        end.step = i;
        end.metric = .25 * i;
        end.id = "00112233445566ff";
        records.push_back(end);
    }
    for (std::size_t i = 0; i < records.size(); ++i) {
        records[i].number = i;
        records[i].time = 1.8e9 + static_cast<double>(i) * .125;
    }
    return records;
}

std::string text_of(const std::vector<Record>& records) {
    std::string text;
    for (const Record& record : records) text += journal_line(record);
    return text;
}

/// The numbers of the records that were read.
std::vector<std::uint64_t> numbers(const JournalContents& contents) {
    std::vector<std::uint64_t> list;
    for (const Record& record : contents.records) list.push_back(record.number);
    return list;
}

TEST(Journal, RecordsComeBackAsTheyWere) {
    const auto records = sample();
    const auto contents = parse_journal(text_of(records));
    ASSERT_EQ(contents.records.size(), records.size());
    EXPECT_TRUE(contents.dropped.empty());
    EXPECT_TRUE(contents.notes.empty());
    for (std::size_t i = 0; i < records.size(); ++i)
        EXPECT_EQ(journal_line(contents.records[i]), journal_line(records[i]));
}

TEST(Journal, CutAtEveryByteItLosesTheTornRecordOnly) {
    const auto records = sample();
    const std::string text = text_of(records);
    std::size_t whole = 0, end_of_whole = 0;
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        if (whole < records.size() && cut == end_of_whole + journal_line(records[whole]).size()) {
            ++whole;
            end_of_whole = cut;
        }
        const auto contents = parse_journal(text.substr(0, cut));
        ASSERT_EQ(contents.records.size(), whole) << "cut at byte " << cut;
        if (cut == end_of_whole) {
            EXPECT_TRUE(contents.notes.empty());
        } else {
            ASSERT_EQ(contents.dropped.size(), 1u);
            EXPECT_EQ(contents.dropped[0].offset, end_of_whole);
            EXPECT_EQ(contents.dropped[0].bytes, cut - end_of_whole);
            ASSERT_EQ(contents.notes.size(), 1u);
            EXPECT_NE(contents.notes[0].find("at byte " + std::to_string(end_of_whole)), std::string::npos);
        }
    }
}

TEST(Journal, DamagedAtEveryByteItLosesThatRecordOnly) {
    const auto records = sample();
    const std::string text = text_of(records);
    std::size_t record = 0, end = journal_line(records[0]).size();
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (at == end) end += journal_line(records[++record]).size();
        for (const int change : {1, 0x80, text[at] ^ '\n', text[at] ^ '{', text[at] ^ '"'}) {
            if (change == 0) continue;
            std::string damaged = text;
            damaged[at] = static_cast<char>(damaged[at] ^ change);
            const auto contents = parse_journal(damaged);
            auto expected = numbers(parse_journal(text));
            expected.erase(expected.begin() + static_cast<std::ptrdiff_t>(record));
            ASSERT_EQ(numbers(contents), expected)
                << "byte " << at << " of record " << record << " by " << change;
            ASSERT_EQ(contents.dropped.size(), 1u);
            ASSERT_FALSE(contents.notes.empty());
        }
    }
}

TEST(Journal, RandomDamageNeverMakesARecordThatWasNotWritten) {
    const auto records = sample();
    const std::string text = text_of(records);
    std::mt19937 chance(3);
    for (int trial = 0; trial < 300; ++trial) {
        std::string damaged = text;
        for (int i = 0; i < 20; ++i) {
            const std::size_t at = chance() % damaged.size(), length = 1 + chance() % 40;
            if (i % 3 == 0) {
                damaged[at] = static_cast<char>(chance());
            } else if (i % 3 == 1) {
                damaged.erase(at, length);
            } else {
                damaged.insert(at, damaged.substr(chance() % damaged.size(), length));
            }
        }
        for (const Record& record : parse_journal(damaged).records)
            ASSERT_EQ(journal_line(record), journal_line(records.at(record.number)));
    }
}

using JournalFile = vtvc::testing::TemporaryFolder;

TEST_F(JournalFile, GoesOnBehindATornRecord) {
    const auto path = folder() / "journal.jsonl";
    {
        Journal journal(path);
        for (const Record& record : sample()) journal.write(record);
        journal.sync();
    }
    const auto size = std::filesystem::file_size(path);
    std::filesystem::resize_file(path, size - 10);
    {
        Journal journal(path);
        EXPECT_EQ(journal.before().records.size(), sample().size() - 1);
        EXPECT_EQ(journal.before().notes.size(), 1u);
        journal.write(sample().back());
    }
    const auto again = parse_journal(read_text(path));
    EXPECT_EQ(again.records.size(), sample().size());
    EXPECT_EQ(again.dropped.size(), 1u) << "nothing is ever taken out of a journal";
}

TEST(Replay, FollowsTheRecords) {
    const auto states = replay(sample());
    EXPECT_EQ(states.runs.size(), 5u);
    EXPECT_EQ(states.run(0x1234567890abcdefULL).state, State::failed);
    EXPECT_EQ(states.run(0x1234567890abcdefULL).failures, 1);
    EXPECT_EQ(states.run(0x1234567890abcdf0ULL).state, State::done);
    EXPECT_EQ(states.run(1).state, State::planned);
}

RunState after(std::initializer_list<Record> records) {
    SweepState state;
    for (Record record : records) {
        record.run = 1;
        apply(state, record);
    }
    return state.run(1);
}

Record ended(int code, std::int64_t step, const std::string& cause, State state = State::queued) {
    Record record;
    record.kind = RecordKind::end;
    record.code = code;
    record.step = step;
    record.cause = cause;
    record.state = state;
    return record;
}

TEST(Judge, TriesAgainWhatMayPassAndNothingElse) {
    const Retry retry;
    const auto verdict = [&](int code, const std::string& text) {
        return judge(retry, {}, {Attempt::Stopped::by_itself, code, text, 0}, .5);
    };
    EXPECT_EQ(verdict(0, "").state, State::done);
    EXPECT_EQ(verdict(75, "").state, State::queued);
    EXPECT_EQ(verdict(137, "killed").state, State::queued);
    EXPECT_EQ(verdict(205, "").cause, "node");
    EXPECT_EQ(verdict(2, "job.toml:1:1: unknown key").state, State::failed);
    EXPECT_EQ(verdict(2, "").cause, "config");
    EXPECT_EQ(verdict(1, "the loss is NaN").state, State::failed);
    EXPECT_EQ(verdict(1, "the loss is NaN").cause, "nan");
    EXPECT_EQ(verdict(1, "write x.h5 (No space left on device)").cause, "disk");
    EXPECT_EQ(verdict(1, "std::bad_alloc").cause, "memory");
    EXPECT_EQ(verdict(127, "").cause, "start");
    EXPECT_EQ(verdict(1, "something").state, State::failed);
    Retry errors_too = retry;
    errors_too.on = {"error"};
    EXPECT_EQ(judge(errors_too, {}, {Attempt::Stopped::by_itself, 1, "something", 0}, .5).state,
              State::queued);
    EXPECT_EQ(judge(errors_too, {}, {Attempt::Stopped::by_itself, 137, "", 0}, .5).state, State::failed);
}

TEST(Judge, BacksOffAndGivesUp) {
    Retry retry;
    retry.max_attempts = 4;
    RunState run;
    std::vector<double> waits;
    for (int i = 0; i < 3; ++i) {
        const auto verdict = judge(retry, run, {Attempt::Stopped::by_itself, 137, "", i + 1}, .5);
        ASSERT_EQ(verdict.state, State::queued);
        waits.push_back(verdict.wait_s);
        ++run.failures;
        run.step = i + 1;
    }
    EXPECT_EQ(waits, (std::vector<double>{2, 4, 8}));
    EXPECT_EQ(judge(retry, run, {Attempt::Stopped::by_itself, 137, "", 9}, .5).state, State::failed);
    RunState once;
    EXPECT_NEAR(judge(retry, once, {Attempt::Stopped::by_itself, 137, "", 1}, 0).wait_s, 1.5, 1e-12);
    EXPECT_NEAR(judge(retry, once, {Attempt::Stopped::by_itself, 137, "", 1}, 1).wait_s, 2.5, 1e-12);
}

TEST(Judge, ChecksThatCheckpointsGetFurther) {
    const Retry retry;  // two stalls
    const Attempt at_ten{Attempt::Stopped::by_itself, 75, "", 10};
    const RunState moved = after({ended(75, 5, "")});
    EXPECT_EQ(judge(retry, moved, at_ten, .5).state, State::queued);
    const RunState once = after({ended(75, 5, ""), ended(75, 10, "")});
    EXPECT_EQ(judge(retry, once, at_ten, .5).state, State::queued);
    const RunState twice = after({ended(75, 5, ""), ended(75, 10, ""), ended(75, 10, "")});
    EXPECT_EQ(twice.stalls, 1);
    EXPECT_EQ(judge(retry, twice, at_ten, .5).state, State::failed_no_progress);
    EXPECT_EQ(judge(retry, twice, {Attempt::Stopped::by_itself, 75, "", 11}, .5).state, State::queued);
    EXPECT_EQ(judge(retry, twice, {Attempt::Stopped::by_wish, 75, "", 10}, .5).state, State::checkpointed)
        << "somebody asked for it";
}

}  // namespace
}  // namespace vtvc::sweep
