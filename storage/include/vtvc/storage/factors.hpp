#pragma once
#include <cstdint>
#include <span>

#include "vtvc/storage/bank.hpp"

namespace vtvc {

/// Adds left · right to rows [first, first + count) of the block, of which values are the numbers.
void add_factors(const Factors& factors, std::int64_t columns, std::int64_t first, std::int64_t count,
                 std::span<float> values);

}  // namespace vtvc
