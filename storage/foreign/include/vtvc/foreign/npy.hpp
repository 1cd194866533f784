#pragma once
// NumPy's files: .npy (one array) and .npz (a zip archive of them, stored or deflated). Arrays of Python
// objects are pickles and are refused; nothing of a file is executed.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "vtvc/foreign/checkpoint.hpp"

namespace vtvc {

/// An opened .npy or .npz. Arrays are ForeignTensors; that of an .npy is named after nothing: "".
class NumpyFile {
  public:
    /// Told apart by content. Header versions 1 to 3, C and Fortran order, either byte order; f2, f4, f8, u1,
    /// i1, i2, i4, i8 and bool. StorageError says what is wrong, where, and what to try.
    static NumpyFile open(const std::filesystem::path& path);
    ~NumpyFile();
    NumpyFile(NumpyFile&&) noexcept;
    NumpyFile& operator=(NumpyFile&&) noexcept;

    /// Names without ".npy", in the order of the entries' names.
    const std::vector<ForeignTensor>& arrays() const;
    /// Place of the array with this name; StorageError lists the names there are.
    std::size_t find(const std::string& name) const;
    /// Row-major, little-endian, whatever the file has; out has exactly the array's bytes.
    void read(std::size_t index, std::span<std::byte> out) const;
    /// The same bytes a piece at a time; the whole array is in memory only where the file has it in another
    /// order (Fortran's, big-endian). StorageError for one in Fortran's order of more than 1 GiB.
    void read_on(std::size_t index, const std::function<void(std::span<const std::byte>)>& take) const;

  private:
    struct Impl;
    explicit NumpyFile(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace vtvc
