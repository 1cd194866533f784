#include <cstdio>
#include <memory>

#include "support.hpp"
#include "vtvc/core/hash.hpp"

namespace vtvc {
namespace {

using test::expect_refused;

std::string output_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(::popen((command + " 2>&1").c_str(), "r"), ::pclose);
    std::string text;
    for (int c = pipe ? std::fgetc(pipe.get()) : EOF; c != EOF; c = std::fgetc(pipe.get()))
        text.push_back(static_cast<char>(c));
    return text;
}

TEST(TensorFile, ReadsBackWhatWasWritten) {
    const test::Folder folder;
    const auto written = test::small_model();
    written.write(folder / "model.h5");
    const auto read = TensorFile::read(folder / "model.h5", "model");
    EXPECT_EQ(read.kind, written.kind);
    EXPECT_EQ(read.meta, written.meta);
    ASSERT_EQ(read.tensors.size(), written.tensors.size());
    for (const auto& [name, tensor] : written.tensors) {
        SCOPED_TRACE(name);
        ASSERT_TRUE(read.tensors.contains(name));
        EXPECT_EQ(read.tensors.at(name).type, tensor.type);
        EXPECT_EQ(read.tensors.at(name).shape, tensor.shape);
        EXPECT_EQ(read.tensors.at(name).bytes, tensor.bytes);
    }
    EXPECT_EQ(folder.files(), 1U);
}

TEST(TensorFile, KeepsLongMetaAndManyTensors) {
    const test::Folder folder;
    TensorFile file = test::small_model();
    file.kind = "checkpoint";
    file.meta = "\"" + std::string(200'000, 'x') + "\"";
    for (int i = 0; i < 300; ++i)
        file.tensors["layer." + std::to_string(i)] = file.tensors.at("conv1.weight");
    file.write(folder / "checkpoint.h5");
    const auto read = TensorFile::read(folder / "checkpoint.h5", "checkpoint");
    EXPECT_EQ(read.meta, file.meta);
    EXPECT_EQ(read.tensors.size(), file.tensors.size());
    EXPECT_EQ(read.content_hash(), file.content_hash());
}

TEST(TensorFile, HashInTheFileIsTheHashOfTheContents) {
    const test::Folder folder;
    const auto file = test::small_model();
    file.write(folder / "a.h5");
    file.write(folder / "b.h5");
    EXPECT_EQ(content_hash_of(folder / "a.h5"), file.content_hash());
    EXPECT_EQ(content_hash_of(folder / "b.h5"), file.content_hash());
    EXPECT_EQ(kind_of(folder / "a.h5"), "model");
}

TEST(TensorFile, HashSeesKindMetaNamesShapesTypesAndValues) {
    const auto file = test::small_model();
    const auto hash = file.content_hash();
    const auto differs = [&](auto change) {
        auto other = file;
        change(other);
        return other.content_hash() != hash;
    };
    EXPECT_TRUE(differs([](auto& f) { f.kind = "head"; }));
    EXPECT_TRUE(differs([](auto& f) { f.meta += " "; }));
    EXPECT_TRUE(differs([](auto& f) { f.tensors.erase("empty"); }));
    EXPECT_TRUE(differs([](auto& f) { f.tensors.at("conv1.weight").shape = {3, 2}; }));
    EXPECT_TRUE(differs([](auto& f) { f.tensors.at("empty").type = DType::f32; }));
    EXPECT_TRUE(differs([](auto& f) { f.tensors.at("conv1.weight").template as<float>()[5] = 6.5F; }));
}

TEST(TensorFile, HashOfAnotherFileIsThatOfItsBytes) {
    const test::Folder folder;
    test::put_bytes(folder / "job.toml", "[job]\n");
    EXPECT_EQ(content_hash_of(folder / "job.toml"), hash_text("[job]\n"));
    expect_refused([&] { (void)content_hash_of(folder / "absent.toml"); }, {"absent.toml", "no such file"});
}

TEST(TensorFile, RefusesAnotherKindAndNamesBoth) {
    const test::Folder folder;
    test::small_model().write(folder / "model.h5");
    expect_refused([&] { (void)TensorFile::read(folder / "model.h5", "head"); },
                   {"model.h5", "'model'", "'head'"});
    write_dataset(folder / "data.h5", test::small_dataset());
    expect_refused([&] { (void)TensorFile::read(folder / "data.h5", "model"); }, {"data.h5", "'dataset'"});
    expect_refused([&] { (void)Dataset::open(folder / "model.h5"); }, {"model.h5", "'dataset'"});
}

TEST(TensorFile, RefusesMissingForeignAndEmptyFiles) {
    const test::Folder folder;
    expect_refused([&] { (void)TensorFile::read(folder / "absent.h5", "model"); },
                   {"absent.h5", "no such file"});
    test::put_bytes(folder / "text.h5", "no tensors here, only words");
    expect_refused([&] { (void)TensorFile::read(folder / "text.h5", "model"); },
                   {"text.h5", "not an HDF5 file"});
    test::put_bytes(folder / "empty.h5", "");
    expect_refused([&] { (void)kind_of(folder / "empty.h5"); }, {"empty.h5", "not an HDF5 file"});
}

TEST(TensorFile, RefusesBadContentsBeforeWriting) {
    const test::Folder folder;
    auto file = test::small_model();
    file.meta = "{not json";
    expect_refused([&] { file.write(folder / "x.h5"); }, {"not JSON"});
    file = test::small_model();
    file.tensors["real"].shape = {7};
    expect_refused([&] { file.write(folder / "x.h5"); }, {"real", "[7]"});
    for (const std::string name : {"a//b", "/a", "a/", "..", "a/./b", ""}) {
        file = test::small_model();
        file.tensors[name] = file.tensors.at("real");
        expect_refused([&] { file.write(folder / "x.h5"); }, {"cannot name"});
    }
    EXPECT_EQ(folder.files(), 0U);
}

TEST(TensorFile, RefusesAViewOfAnotherType) {
    const auto file = test::small_model();
    expect_refused([&] { (void)file.tensors.at("conv1.weight").as<double>(); }, {"f32", "f64"});
    const std::vector<float> three{1, 2, 3};
    expect_refused([&] { (void)HostTensor::of<float>({2, 2}, three); }, {"3", "[2, 2]"});
    expect_refused([&] { (void)HostTensor::of<float>({-1, -3}, three); }, {"impossible"});
}

TEST(TensorFile, OtherToolsReadIt) {
    const test::Folder folder;
    test::small_model().write(folder / "model.h5");
    const auto file = (folder / "model.h5").string();
    const auto listing = output_of("h5ls -r " + file);
    EXPECT_NE(listing.find("/tensors/conv1.weight"), std::string::npos) << listing;
    EXPECT_NE(listing.find("{2, 3}"), std::string::npos) << listing;
    const auto values = output_of("h5dump -d /tensors/conv1.weight " + file);
    EXPECT_NE(values.find("H5T_IEEE_F32LE"), std::string::npos) << values;
    EXPECT_NE(values.find("(1,0): 4, 5, 6"), std::string::npos) << values;
    const auto hash = output_of("h5dump -a /content_hash " + file);
    EXPECT_NE(hash.find(content_hash_of(file)), std::string::npos) << hash;
    const auto meta = output_of("h5dump -d /meta " + file);
    EXPECT_NE(meta.find("width"), std::string::npos) << meta;
}

TEST(TensorReader, GivesTensorsOneByOne) {
    const test::Folder folder;
    const auto file = test::small_model();
    file.write(folder / "a.h5");
    const auto reader = TensorReader::open(folder / "a.h5", file.kind);
    EXPECT_EQ(reader.meta(), file.meta);
    EXPECT_EQ(reader.content_hash(), file.content_hash());
    const auto& whole = file.tensors.at("conv1.weight");
    EXPECT_EQ(reader.shape("conv1.weight"), whole.shape);
    const auto values = reader.floats("conv1.weight");
    EXPECT_TRUE(std::equal(values.begin(), values.end(), whole.as<float>().begin(), whole.as<float>().end()));
    EXPECT_FALSE(reader.has("conv2.weight"));
    expect_refused([&] { (void)reader.floats("conv2.weight"); }, {"a.h5", "conv2.weight", "missing"});
    expect_refused([&] { (void)TensorReader::open(folder / "a.h5", "head"); }, {"a.h5", "'head'"});
}

}  // namespace
}  // namespace vtvc
