// Lists of the types that kernels are made for (half types compute in float).
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace ingot::cpu {

template <class... T>
struct Types {};

using FloatTypes = Types<float, double>;
using IntegerTypes = Types<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t,
                           int16_t, int32_t, int64_t>;
using AllTypes = Types<bool, uint8_t, uint16_t, uint32_t, uint64_t, int8_t,
                       int16_t, int32_t, int64_t, float, double>;

}  // namespace ingot::cpu
