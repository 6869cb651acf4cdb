// Every functor and the random numbers on the values where integer, bool and
// NaN arithmetic goes wrong first. The test puts an include of every header
// under metal/ in front, so that this unit is also their C++14 check.
// SPDX-License-Identifier: MIT
#include <math.h>
#include <stdio.h>

#include "../../metal/ops/binary.h"
#include "../../metal/ops/unary.h"
#include "../../metal/random.h"

namespace ingot {

static int failures = 0;

#define IS(wanted, ...)                                                 \
  do {                                                                  \
    auto got = __VA_ARGS__;                                             \
    decltype(got) want = wanted;                                        \
    if (got != want || signbit(double(got)) != signbit(double(want))) { \
      printf("%s: wanted %.9g, got %.9g\n", #__VA_ARGS__, double(want), \
             double(got));                                              \
      ++failures;                                                       \
    }                                                                   \
  } while (0)
#define IS_NAN(...)                             \
  do {                                          \
    if (!isnan(float(__VA_ARGS__))) {           \
      printf("%s: wanted NaN\n", #__VA_ARGS__); \
      ++failures;                               \
    }                                           \
  } while (0)

template <class T>
static void check_signed(T lowest) {
  T highest = T(~lowest), minus = T(-1), width = T(8 * sizeof(T));
  IS(lowest, Add::apply(highest, T(1)));
  IS(highest, Subtract::apply(lowest, T(1)));
  IS(T(1), Multiply::apply(highest, highest));
  IS(lowest, Negative::apply(lowest));
  IS(lowest, Abs::apply(lowest));
  IS(T(-1), Sign::apply(lowest));
  IS(lowest, FloorDivide::apply(lowest, minus));
  IS(T(0), Remainder::apply(lowest, minus));
  IS(T(-3), FloorDivide::apply(T(-7), T(3)));
  IS(T(2), Remainder::apply(T(-7), T(3)));
  IS(T(-3), FloorDivide::apply(T(7), T(-3)));
  IS(T(-2), Remainder::apply(T(7), T(-3)));
  IS(T(-1), Remainder::apply(T(-7), T(-3)));
  IS(T(0), FloorDivide::apply(T(7), T(0)));
  IS(T(0), Remainder::apply(T(7), T(0)));
  IS(T(-27), Power::apply(T(-3), T(3)));
  IS(T(-1), Power::apply(minus, T(-3)));
  IS(T(1), Power::apply(minus, T(-4)));
  IS(T(1), Power::apply(minus, lowest));
  IS(T(1), Power::apply(T(1), lowest));
  IS(T(0), Power::apply(T(2), minus));
  IS(T(0), Power::apply(T(0), minus));
  IS(lowest, Power::apply(T(2), T(width - 1)));
  IS(T(0), Power::apply(T(2), width));
  IS(T(0), LeftShift::apply(minus, width));
  IS(T(0), LeftShift::apply(minus, minus));
  IS(lowest, LeftShift::apply(minus, T(width - 1)));
  IS(T(-1), RightShift::apply(T(-5), width));
  IS(T(0), RightShift::apply(T(5), minus));
  IS(T(-3), RightShift::apply(T(-5), T(1)));
  IS(highest, BitwiseInvert::apply(lowest));
  IS(lowest, Minimum::apply(lowest, highest));
}

template <class T>
static void check_unsigned() {
  T top = T(-1), width = T(8 * sizeof(T));
  IS(T(0), Add::apply(top, T(1)));
  IS(top, Subtract::apply(T(0), T(1)));
  IS(T(1), Multiply::apply(top, top));
  IS(T(1), Negative::apply(top));
  IS(top, Abs::apply(top));
  IS(T(1), Sign::apply(top));
  IS(T(1), FloorDivide::apply(top, top));
  IS(T(0), FloorDivide::apply(top, T(0)));
  IS(T(0), Remainder::apply(top, top));
  IS(T(0), Remainder::apply(top, T(0)));
  IS(T(top / 3), FloorDivide::apply(top, T(3)));
  IS(T(0), Power::apply(T(2), width));
  IS(T(81), Power::apply(T(3), T(4)));
  IS(T(0), LeftShift::apply(top, width));
  IS(T(0), RightShift::apply(top, width));
  IS(T(1), RightShift::apply(top, T(width - 1)));
  IS(T(0), BitwiseInvert::apply(top));
  IS(top, Maximum::apply(top, T(0)));
}

static void check_bool() {
  for (int i = 0; i < 4; ++i) {
    bool a = i & 1, b = i & 2;
    IS(a || b, Add::apply(a, b));
    IS(a != b, Subtract::apply(a, b));
    IS(a && b, Multiply::apply(a, b));
    IS(a || b, Maximum::apply(a, b));
    IS(a && b, Minimum::apply(a, b));
    IS(a || !b, Power::apply(a, b));
    IS(a && b, FloorDivide::apply(a, b));
    IS(false, Remainder::apply(a, b));
    IS(a != b, BitwiseXor::apply(a, b));
    IS(a != b, LogicalXor::apply(a, b));
    IS(!a, BitwiseInvert::apply(a));
    IS(!a, LogicalNot::apply(a));
    IS(a, Abs::apply(a));
    IS(a, Sign::apply(a));
    IS(false, IsNan::apply(a));
    IS(true, IsFinite::apply(a));
  }
}

template <class T>
static void check_floating() {
  T inf = T(INFINITY), nan = T(NAN), zero = T(-0.0);
  IS(T(-1), Remainder::apply(T(5), T(-3)));
  IS(T(-2), FloorDivide::apply(T(5), T(-3)));
  IS(zero, Remainder::apply(T(6), T(-3)));
  IS(T(0), Remainder::apply(T(-6), T(3)));
  IS(inf, Remainder::apply(T(-1), inf));
  IS(T(-1), FloorDivide::apply(T(-1), inf));
  IS(zero, FloorDivide::apply(zero, T(3)));
  IS(T(9), FloorDivide::apply(T(1), T(0.1f)));
  IS(inf, FloorDivide::apply(T(1), T(0)));
  IS_NAN(Remainder::apply(T(1), T(0)));
  IS_NAN(FloorDivide::apply(inf, T(2)));
  IS_NAN(Maximum::apply(T(1), nan));
  IS_NAN(Maximum::apply(nan, T(1)));
  IS_NAN(Minimum::apply(T(1), nan));
  IS_NAN(Minimum::apply(nan, T(1)));
  IS_NAN(Sign::apply(nan));
  IS(T(0), Sign::apply(zero));
  IS(T(-1), Sign::apply(-inf));
  IS(T(2), Round::apply(T(2.5)));
  IS(zero, Round::apply(T(-0.5)));
  IS(T(-2), Trunc::apply(T(-2.7)));
  IS(true, IsNan::apply(nan));
  IS(false, IsInf::apply(nan));
  IS(true, IsNegInf::apply(-inf));
  IS(false, IsPosInf::apply(-inf));
  IS(false, IsFinite::apply(inf));
  IS(true, NotEqual::apply(nan, nan));
  IS(false, GreaterEqual::apply(nan, nan));
}

// Known answers of Random123, and the layout of an odd and an even number.
static void check_random() {
  Bits2 zero = threefry2x32(0, 0, 0, 0), all = threefry2x32(~0u, ~0u, ~0u, ~0u);
  IS(0x6b200159u, zero.x0);
  IS(0x99ba4efeu, zero.x1);
  IS(0x1cb996fcu, all.x0);
  IS(0xbb002be7u, all.x1);
  for (uint32_t n = 1; n < 6; ++n) {
    uint32_t lower = (n + 1) / 2;
    for (uint32_t i = 0; i < lower; ++i) {
      Bits2 words = random_words(3, 4, i, n);
      IS(words.x0, random_word(3, 4, i, n));
      if (i + lower < n) {
        IS(words.x1, random_word(3, 4, i + lower, n));
      }
    }
  }
  IS(threefry2x32(3, 4, 2, 0).x0, random_word(3, 4, 2, 5));
  IS(threefry2x32(3, 4, 1, 4).x1, random_word(3, 4, 4, 5));
  IS(0.0f, bits_to_uniform(0));
  IS(0.5f, bits_to_uniform(0x80000000u));
  IS(0.99999994f, bits_to_uniform(~0u));
  for (uint32_t bits = ~0u; bits > ~0u - 1000; --bits) {
    IS(min(float(bits) * 2.32830644e-10f, 0.99999994f), bits_to_uniform(bits));
  }
  uint32_t end = as_type<uint32_t>(0.9966f);
  for (uint32_t bits = 0; bits < end; bits += 1009) {
    float x = as_type<float>(bits);
    IS(math::erfinv(x), math::erfinv_of_center(x));
  }
  for (uint32_t bits = end - 1000; bits < end; ++bits) {
    float x = as_type<float>(bits);
    IS(math::erfinv(-x), math::erfinv_of_center(-x));
  }
  IS(true, isfinite(uniform_to_normal(0.0f)));
  IS(true, isfinite(uniform_to_normal(0.99999994f)));
  IS(true, uniform_to_truncated_normal(0.0f, -1.0f, 1.0f) >= -1.0f);
}

static int check_all() {
  check_signed<int8_t>(INT8_MIN);
  check_signed<int16_t>(INT16_MIN);
  check_signed<int32_t>(INT32_MIN);
  check_signed<int64_t>(INT64_MIN);
  check_unsigned<uint8_t>();
  check_unsigned<uint16_t>();
  check_unsigned<uint32_t>();
  check_unsigned<uint64_t>();
  check_bool();
  check_floating<float>();
  check_floating<double>();
  check_random();
  printf(failures ? "%d checks failed\n" : "all checks passed\n", failures);
  return failures != 0;
}

}  // namespace ingot

int main() { return ingot::check_all(); }
