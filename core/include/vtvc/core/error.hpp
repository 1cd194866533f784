#pragma once
// Every error vtvc throws has one root. A message states the problem, why it matters in parentheses,
// what to try, and where: "cannot read x.h5 (it is 12 bytes, an HDF5 file has 8 at least); was it cut?".
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace vtvc {

class Error : public std::runtime_error {
  public:
    using std::runtime_error::runtime_error;
};
/// A job or sweep file, or a command line, that asks for something impossible (exit code 2).
class ConfigError : public Error {
    using Error::Error;
};
/// A file that is missing, damaged, of another kind, or could not be written.
class StorageError : public Error {
    using Error::Error;
};
/// A message passing call that failed.
class MpiError : public Error {
    using Error::Error;
};
/// A collective of NCCL that failed.
class NcclError : public Error {
    using Error::Error;
};
/// A call of the CUDA runtime, or a kernel, that failed.
class CudaError : public Error {
    using Error::Error;
};
/// Something that did not happen within its deadline.
class TimeoutError : public Error {
    using Error::Error;
};
/// Numbers that ended being numbers, or shapes that do not fit.
class NumericError : public Error {
    using Error::Error;
};

/// Throws E with a formatted message: fail<StorageError>("cannot open {}", path).
template <class E, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
    throw E(fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace vtvc
