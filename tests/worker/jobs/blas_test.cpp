// The warning at start when matrix products would be slow. tests/end_to_end has the program say it.
#include "vtvc/jobs/blas.hpp"

#include <gtest/gtest.h>

namespace vtvc {
namespace {

TEST(Blas, TheReferenceOneIsKnownByItsPlace) {
    EXPECT_TRUE(is_reference_blas("/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0"));
    EXPECT_TRUE(is_reference_blas("/opt/lib/libblas.so.3"));
}

TEST(Blas, FastOnesBehindTheSameNameAreNotBlamed) {
    EXPECT_FALSE(is_reference_blas("/usr/lib/x86_64-linux-gnu/openblas-pthread/libblas.so.3"));
    EXPECT_FALSE(is_reference_blas("/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.3"));
    EXPECT_FALSE(is_reference_blas("/opt/mkl/libmkl_rt.so.2"));
}

TEST(Blas, ATorchWithItsOwnProductsIsNotBlamed) {
    EXPECT_FALSE(is_reference_blas(""));
    EXPECT_FALSE(is_reference_blas("/opt/torch/lib/libtorch_cpu.so"));
}

TEST(Blas, TheOneInUseIsFast) { EXPECT_FALSE(is_reference_blas(blas_library())) << blas_library(); }

}  // namespace
}  // namespace vtvc
