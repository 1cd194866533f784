// Compiled by sealed_header.cmake, never linked: only who links sealed finds this header.
#include "vtvc/storage/dataset.hpp"
#include "vtvc/storage/test_labels.hpp"

std::vector<std::int32_t> peek_at_the_answers() { return vtvc::read_test_labels("dataset.h5"); }
