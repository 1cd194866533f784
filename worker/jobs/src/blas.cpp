#include "vtvc/jobs/blas.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "vtvc/core/progress.hpp"

namespace vtvc {

// Not what is mapped: liblapack may bring OpenBLAS along while the products still go to the reference one.
std::string blas_library() {
    void* const product = ::dlsym(RTLD_DEFAULT, "sgemm_");
    Dl_info about{};
    if (!product || ::dladdr(product, &about) == 0 || !about.dli_fname) return "";
    std::error_code unreadable;
    const auto real = std::filesystem::canonical(about.dli_fname, unreadable);
    return unreadable ? std::string(about.dli_fname) : real.string();
}

bool is_reference_blas(const std::string& library) {
    constexpr std::array<std::string_view, 4> fast{"openblas", "mkl", "blis", "atlas"};
    const bool known_fast = std::any_of(fast.begin(), fast.end(), [&](std::string_view name) {
        return library.find(name) != std::string::npos;
    });
    return library.find("libblas") != std::string::npos && !known_fast;
}

void warn_of_slow_blas() {
    if (is_reference_blas(blas_library())) {
        warn(
            "the reference BLAS is in use (matrix products run some 70 times slower than with OpenBLAS); "
            "install libopenblas0-pthread, or run ./setup.sh");
    }
}

}  // namespace vtvc
