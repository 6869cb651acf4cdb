// Numbers in arrays, and derivatives through a rule as a graph.
// SPDX-License-Identifier: MIT
#include "csrc/ops/rule.h"

#include "csrc/dtype.h"

namespace ingot {

double number(const Array& x) {
  return dispatch(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value = *x.data<const T>();
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat16>) {
      return static_cast<double>(static_cast<float>(value));
    } else {
      return static_cast<double>(value);
    }
  });
}

// What is not wanted here may still be traced by an outer transform.
Arrays vjp_through(const std::function<Arrays(const Inputs&)>& compose,
                   const Inputs& in, const Arrays& cotangents,
                   const std::vector<int>& wanted) {
  Inputs inner = in;
  Arrays primals;
  for (int i : wanted) {
    inner[i] = alias(in[i]);
    inner[i]->tracer = true;
    primals.push_back(inner[i]);
  }
  Arrays all = compose(inner);
  Arrays outputs, seeds;
  for (size_t k = 0; k < all.size(); ++k) {
    if (!cotangents[k]) continue;
    outputs.push_back(all[k]);
    seeds.push_back(cotangents[k]);
  }
  return backward(primals, outputs, seeds, in);
}

}  // namespace ingot
