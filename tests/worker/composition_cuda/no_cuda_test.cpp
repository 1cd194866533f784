#include <gtest/gtest.h>

#include <string>

#include "vtvc/composition/compose.hpp"
#include "vtvc/core/error.hpp"

namespace vtvc {
namespace {

TEST(ComposeOnDevice, ABuildWithoutCudaSaysHowToGetIt) {
    try {
        compose_on_device({}, {}, nullptr);
        FAIL() << "expected CudaError";
    } catch (const CudaError& error) {
        EXPECT_NE(std::string(error.what()).find("preset 'cuda'"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace vtvc
