// What an einsum is asked to do: the labels of its operands' axes, and the order
// in which the operands are contracted.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "csrc/ops.h"

namespace ingot::einsums {

// One for each axis; letters and the axes of "..." become small numbers.
using Labels = std::vector<int>;
using Set = uint64_t;  // of labels
constexpr int kLabels = 64;

inline Set set_of(const Labels& labels) {
  Set set = 0;
  for (int label : labels) set |= Set{1} << label;
  return set;
}
inline bool holds(Set set, int label) { return (set >> label) & 1; }

struct Equation {
  std::vector<Labels> terms;  // one for each operand
  Labels output;
  std::vector<int64_t> sizes;  // by label

  double size_of(Set set) const;
};

Equation read(const std::string& subscripts, const Arrays& operands);

// Two operands to contract, by their numbers in the list of those that are left;
// the result goes to its end.
using Steps = std::vector<std::pair<int, int>>;
// The cheapest order for a few operands, else one pair after the other.
Steps plan(const Equation& equation);

}  // namespace ingot::einsums
