#pragma once
// Debian's torch takes whatever libblas.so.3 is; the reference one is some seventy times slower than
// OpenBLAS.
#include <string>

namespace vtvc {

/// The file that this process takes single-precision matrix products (sgemm_) from, links followed; empty
/// where no library shows one, as with a torch that holds its own.
std::string blas_library();
/// Whether that file is the reference BLAS, by its name and folder.
bool is_reference_blas(const std::string& library);
/// Warns loudly when this process computes with the reference BLAS.
void warn_of_slow_blas();

}  // namespace vtvc
