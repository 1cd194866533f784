// The private HDF5 layer: what it refuses of files that other programs made or changed.
#include <unistd.h>

#include <cstdlib>
#include <functional>

#include "child.hpp"
#include "h5_reader.hpp"
#include "h5_walk.hpp"
#include "h5_writer.hpp"
#include "support.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

void write_thing(const std::filesystem::path& path, std::int64_t version = 1) {
    h5::Writer writer(path, "thing", version, 0);
    writer.attribute("group", "note", std::string("inside"));
    writer.texts("names", {"a", "", "ünï"});
    writer.array("group/rows", {5, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 2);
    writer.finish();
}

/// Changes a finished file with HDF5's own calls, as another program would.
void edit(const std::filesystem::path& path, const std::function<void(hid_t)>& change) {
    auto file = h5::own(H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT), H5Fclose, path, "open for editing");
    change(file.get());
    h5::check(file.close(), path, "close after editing");
}

void add_dataset(hid_t file, const char* name, hid_t type, hid_t plan) {
    const hsize_t size = 4;
    const h5::Handle space(H5Screate_simple(1, &size, nullptr), H5Sclose);
    const h5::Handle made(H5Dcreate2(file, name, type, space.get(), H5P_DEFAULT, plan, H5P_DEFAULT),
                          H5Dclose);
    ASSERT_GE(made.get(), 0);
}

class Container : public testing::Test {
  protected:
    Container() { write_thing(path_); }
    h5::Reader open() const { return h5::Reader::open(path_, "thing", 1); }
    /// What is refused of a file without an index, by what HDF5 says of it; with its index it is refused
    /// anyway.
    template <class Call>
    void expect_edit_refused(Call change, const std::vector<std::string>& parts) {
        write_thing(path_);
        edit(path_, change);
        expect_refused([&] { (void)open(); }, {"thing.h5"});
        expect_refused([&] { (void)h5::walk_in_child(h5::File::open(path_), "thing", 1); }, parts);
    }
    test::Folder folder_;
    std::filesystem::path path_ = folder_ / "thing.h5";
};

TEST_F(Container, ReadsRunsOfRowsAcrossChecksumUnits) {
    const auto reader = open();
    EXPECT_EQ(reader.rows<float>("group/rows", {-1, 2}, 1, 3), (std::vector<float>{2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(reader.rows<float>("group/rows", {5, 2}, 4, 1), (std::vector<float>{8, 9}));
    EXPECT_TRUE(reader.rows<float>("group/rows", {5, 2}, 5, 0).empty());
    EXPECT_EQ(reader.texts("names"), (std::vector<std::string>{"a", "", "ünï"}));
    EXPECT_EQ(reader.text_attribute("group", "note"), "inside");
    EXPECT_EQ(reader.names("group"), (std::vector<std::string>{"rows"}));
    expect_refused([&] { (void)reader.rows<float>("group/rows", {5, 2}, 4, 2); }, {"thing.h5", "it has 5"});
    expect_refused([&] { (void)reader.all<double>("group/rows", {5, 2}); }, {"group/rows", "f32", "f64"});
    expect_refused(
        [&] {
            (void)reader.all<float>("group/rows", {5, 3});
        },
        {"group/rows", "[5, 2]", "[5, 3]"});
    expect_refused([&] { (void)reader.about("absent"); }, {"'absent' is missing"});
}

TEST_F(Container, TwoReadersOfOneFileDoNotDisturbEachOther) {
    const auto first = open();
    {
        const auto second = open();
        EXPECT_EQ(kind_of(path_), "thing");
        EXPECT_EQ(second.all<float>("group/rows", {5, 2}).size(), 10U);
    }
    EXPECT_EQ(first.all<float>("group/rows", {5, 2}).size(), 10U);
    write_thing(path_);  // a reader keeps the file that it opened
    EXPECT_EQ(first.all<float>("group/rows", {5, 2}).size(), 10U);
}

TEST_F(Container, SaysHowItCameToBe) {
    const auto reader = open();
    EXPECT_FALSE(reader.text_attribute("/", "code_version").empty());
    EXPECT_EQ(reader.text_attribute("/", "created").size(), std::string("2026-01-31T12:00:00Z").size());
    EXPECT_NE(reader.text_attribute("/", "command").find("storage_files"), std::string::npos);
}

TEST_F(Container, RefusesAnotherVersionAndNamesBoth) {
    write_thing(path_, 7);
    expect_refused([&] { (void)open(); }, {"thing.h5", "version 7", "version 1"});
}

TEST_F(Container, RefusesForeignHdf5) {
    const auto other = folder_ / "other.h5";
    h5::Handle file(H5Fcreate(other.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT), H5Fclose);
    ASSERT_EQ(file.close(), 0);
    expect_refused([&] { (void)h5::Reader::open(other, "thing", 1); }, {"other.h5", "not a file of vtvc"});
    expect_refused([&] { (void)kind_of(other); }, {"other.h5", "not a file of vtvc"});
    EXPECT_EQ(content_hash_of(other).size(), 32U);  // that of its bytes
}

TEST_F(Container, NoticesEditsByOtherPrograms) {
    expect_edit_refused(
        [](hid_t file) {
            const h5::Handle group(H5Gopen2(file, "group", H5P_DEFAULT), H5Gclose);
            const h5::Handle attr(H5Aopen(group.get(), "note", H5P_DEFAULT), H5Aclose);
            const h5::Handle type(H5Aget_type(attr.get()), H5Tclose);
            ASSERT_EQ(H5Awrite(attr.get(), type.get(), "edited"), 0) << h5::error_text();
        },
        {"thing.h5", "content hash"});
    expect_edit_refused([](hid_t file) { ASSERT_EQ(H5Ldelete(file, "names", H5P_DEFAULT), 0); },
                        {"content hash"});

    write_thing(path_);
    edit(path_, [](hid_t file) {
        const h5::Handle rows(H5Dopen2(file, "group/rows", H5P_DEFAULT), H5Dclose);
        const std::vector<float> zeros(10);
        ASSERT_EQ(H5Dwrite(rows.get(), H5T_NATIVE_FLOAT, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()), 0);
    });
    expect_refused([&] { (void)open().all<float>("group/rows", {5, 2}); }, {"rows 0 to 2", "checksum"});
}

TEST_F(Container, FollowsNothingOutOfTheFile) {
    expect_edit_refused(
        [](hid_t file) {
            ASSERT_EQ(H5Lcreate_external("/etc/other.h5", "/x", file, "elsewhere", H5P_DEFAULT, H5P_DEFAULT),
                      0);
        },
        {"'elsewhere' is a link"});
    expect_edit_refused(
        [](hid_t file) {
            const h5::Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
            ASSERT_EQ(H5Pset_external(plan.get(), "/etc/hostname", 0, 16), 0);
            add_dataset(file, "foreign", H5T_IEEE_F32LE, plan.get());
        },
        {"'foreign'", "run of bytes"});
}

TEST_F(Container, RefusesLayoutsAndTypesThatItDoesNotWrite) {
    expect_edit_refused(
        [](hid_t file) {
            const h5::Handle plan(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
            const hsize_t chunk = 2;
            ASSERT_EQ(H5Pset_chunk(plan.get(), 1, &chunk), 0);
            add_dataset(file, "chunked", H5T_IEEE_F32LE, plan.get());
        },
        {"'chunked'", "run of bytes"});
    expect_edit_refused([](hid_t file) { add_dataset(file, "big_endian", H5T_IEEE_F32BE, H5P_DEFAULT); },
                        {"'big_endian'", "type"});
    expect_edit_refused([](hid_t file) { add_dataset(file, "unwritten", H5T_IEEE_F32LE, H5P_DEFAULT); },
                        {"'unwritten'"});
}

TEST_F(Container, RefusesGroupsThatContainThemselves) {
    expect_edit_refused(
        [](hid_t file) {
            ASSERT_EQ(H5Lcreate_hard(file, "group", file, "group/again", H5P_DEFAULT, H5P_DEFAULT), 0);
        },
        {"nested deeper"});
}

TEST_F(Container, ReadsWhatOtherToolsRepacked) {
    ASSERT_EQ(std::system(("h5repack " + path_.string() + " " + (folder_ / "repacked.h5").string()).c_str()),
              0);
    const auto repacked = h5::Reader::open(folder_ / "repacked.h5", "thing", 1);
    EXPECT_FALSE(h5::look_at(h5::File::open(folder_ / "repacked.h5")).index);  // so it came through HDF5
    EXPECT_EQ(repacked.content_hash(), open().content_hash());
    EXPECT_EQ(repacked.rows<float>("group/rows", {-1, 2}, 1, 3), (std::vector<float>{2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(repacked.texts("names"), open().texts("names"));
}

TEST_F(Container, TheIndexSaysWhatHdf5Says) {
    const auto walked = h5::walk_in_child(h5::File::open(path_), "thing", 1);
    const auto carried = h5::look_at(h5::File::open(path_));
    ASSERT_TRUE(carried.index);
    EXPECT_EQ(carried.damage, "");
    auto expected = *carried.index;
    expected.rest = walked.rest;  // which the walk does not know
    EXPECT_EQ(h5::to_bytes(walked), h5::to_bytes(expected));
}

TEST_F(Container, AnIndexMadeToDeceiveIsRefused) {
    const auto file = h5::File::open(path_);
    const auto bytes = h5::to_bytes(*h5::look_at(file).index);
    const auto parse = [&](std::vector<std::byte> changed) {
        return h5::parse_index(changed, "thing.h5", file.bytes());
    };
    EXPECT_EQ(h5::to_bytes(parse(bytes)), bytes);
    // Whatever a byte says, an index is refused or describes arrays inside the file.
    for (std::size_t at = 0; at < bytes.size(); ++at)
        for (const int value : {0x00, 0x01, 0x7F, 0xFF}) {
            auto changed = bytes;
            changed[at] = static_cast<std::byte>(value);
            try {
                for (const auto& [name, array] : parse(changed).arrays) {
                    ASSERT_LE(array.bytes(), file.bytes());
                    ASSERT_LE(array.offset, file.bytes() - array.bytes());
                    ASSERT_EQ(array.checksum_count(), static_cast<std::int64_t>(array.checksums.size()));
                }
            } catch (const StorageError& error) {
                ASSERT_NE(std::string(error.what()).find("thing.h5"), std::string::npos) << error.what();
            }
        }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        expect_refused(
            [&] {
                (void)parse({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)});
            },
            {"thing.h5"});
    auto longer = bytes;
    longer.push_back(std::byte{0});
    expect_refused([&] { (void)parse(longer); }, {"goes on after its end"});
}

TEST_F(Container, AChildThatDiesHangsOrEatsIsAnError) {
    expect_refused([] { (void)in_limited_child("a.h5", []() -> std::string { ::abort(); }); },
                   {"a.h5", "signal 6", "damaged"});
    expect_refused([] { (void)in_limited_child("a.h5", []() -> std::string { ::_exit(9); }); },
                   {"a.h5", "code 9"});
    expect_refused(
        [] { (void)in_limited_child("a.h5", []() -> std::string { fail<StorageError>("a.h5: is odd"); }); },
        {"a.h5: is odd"});
    EXPECT_EQ(in_limited_child("a.h5", [] { return std::string(3 << 20, 'x'); }).size(),
              std::size_t{3} << 20);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // there memory has no limit
    expect_refused(
        [] {
            (void)in_limited_child("a.h5",
                                   [] { return std::string(std::size_t{3} << 30, 'x').substr(0, 1); });
        },
        {"a.h5", "bad_alloc"});
#endif
}

TEST_F(Container, KeepsAttributesBeyond64KiB) {
    std::vector<double> values(20'000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 / static_cast<double>(i + 1);
    h5::Writer writer(path_, "thing", 1, 0);
    writer.attribute("/", "many", h5::Reals{{100, 200}, values});
    writer.finish();
    EXPECT_EQ(open().reals("/", "many", {100, 200}).values, values);
}

TEST_F(Container, AnUnfinishedWriterLeavesNothing) {
    {
        h5::Writer writer(folder_ / "never.h5", "thing", 1, 0);
        writer.text("meta", "half");
    }
    EXPECT_EQ(folder_.files(), 1U);
}

}  // namespace
}  // namespace vtvc
