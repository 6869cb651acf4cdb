// The scalar type that turns an update rule into a graph: its arithmetic adds
// nodes. Found by argument-dependent lookup only, so nothing else sees it.
// SPDX-License-Identifier: MIT
#pragma once

#include <utility>

#include "csrc/ops.h"

namespace ingot {

class Lazy {
 public:
  Lazy() = default;
  // A number adapts to the type of the array it meets.
  Lazy(double value) : value_(value) {}
  explicit Lazy(Array array) : array_(std::move(array)) {}

  Array array(Dtype dtype) const {
    return array_ ? astype(array_, dtype) : Array::scalar(value_, dtype);
  }

#define INGOT_LAZY(name, function)                             \
  friend Lazy name(const Lazy& x) {                            \
    return Lazy(function(x.array_ ? x.array_ : x.as_float())); \
  }
  INGOT_LAZY(operator-, negative)
  INGOT_LAZY(abs, ingot::abs)
  INGOT_LAZY(sign, ingot::sign)
  INGOT_LAZY(sqrt, ingot::sqrt)
  INGOT_LAZY(rsqrt, ingot::rsqrt)
  INGOT_LAZY(exp, ingot::exp)
  INGOT_LAZY(log, ingot::log)
  INGOT_LAZY(tanh, ingot::tanh)
#undef INGOT_LAZY

#define INGOT_LAZY(name, function)                   \
  friend Lazy name(const Lazy& a, const Lazy& b) {   \
    return Lazy(function(a.beside(b), b.beside(a))); \
  }
  INGOT_LAZY(operator+, add)
  INGOT_LAZY(operator-, subtract)
  INGOT_LAZY(operator*, multiply)
  INGOT_LAZY(operator/, divide)
  INGOT_LAZY(operator>, greater)
  INGOT_LAZY(operator>=, greater_equal)
  INGOT_LAZY(operator<, less)
  INGOT_LAZY(operator<=, less_equal)
  INGOT_LAZY(operator==, equal)
  INGOT_LAZY(operator!=, not_equal)
  INGOT_LAZY(max, maximum)
  INGOT_LAZY(min, minimum)
  INGOT_LAZY(pow, power)
#undef INGOT_LAZY

  friend Lazy where(const Lazy& condition, const Lazy& a, const Lazy& b) {
    return Lazy(ingot::where(condition.array_, a.beside(b), b.beside(a)));
  }

 private:
  Array as_float() const { return Array::scalar(value_, Dtype::float32); }
  Array beside(const Lazy& other) const {
    if (array_) return array_;
    return other.array_ ? Array::scalar(value_, other.array_.dtype())
                        : as_float();
  }

  Array array_;  // empty for a number
  double value_ = 0;
};

}  // namespace ingot
