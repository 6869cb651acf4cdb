// Settings of update rules as numbers.
// SPDX-License-Identifier: MIT
#include "csrc/ops/rule.h"

#include "csrc/dtype.h"

namespace ingot {

double number(const Array& x) {
  return dispatch(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value = *x.data<const T>();
    if constexpr (is_complex_type<T>) {
      return static_cast<double>(value.re);  // refused before
    } else if constexpr (std::is_same_v<T, Half> ||
                         std::is_same_v<T, Bfloat16>) {
      return static_cast<double>(static_cast<float>(value));
    } else {
      return static_cast<double>(value);
    }
  });
}

}  // namespace ingot
