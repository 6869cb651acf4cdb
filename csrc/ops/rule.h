// What the operations that hold an update rule share: its settings as numbers
// and as a graph.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstring>

#include "csrc/graph.h"
#include "csrc/ops/lazy.h"

namespace ingot {

// Settings and Hyper are structs of T alone: this is their i-th member.
template <class T, class Struct>
T& member(Struct& s, int i) {
  static_assert(sizeof(Struct) % sizeof(T) == 0);
  return reinterpret_cast<T*>(&s)[i];
}
template <class T, class Struct>
constexpr int members = static_cast<int>(sizeof(Struct) / sizeof(T));

// What the rule derives from its settings; settings(i) is the i-th of them.
template <class Rule, class T, class F>
auto hyper_of(F&& settings) {
  typename Rule::template Settings<T> s;
  for (int i = 0; i < members<T, decltype(s)>; ++i) {
    member<T>(s, i) = settings(i);
  }
  return Rule::hyper(s);
}

// The value of a ready scalar of any type.
double number(const Array& x);

// Whether the Hyper is derived in the type of the tensors: else in double.
template <class Rule>
constexpr bool derived_late = requires { Rule::derived_late; };

// The rule's Hyper as numbers; settings(i) is an Array.
template <class Rule, class Table, class F>
void fill_hyper_of(Table& table, F&& settings) {
  auto hyper =
      hyper_of<Rule, double>([&](int j) { return number(settings(j)); });
  for (int j = 0; j < members<double, decltype(hyper)>; ++j) {
    table.hyper[j] = member<double>(hyper, j);
    table.hyper_float[j] = static_cast<float>(table.hyper[j]);
  }
  if constexpr (derived_late<Rule>) {
    auto late = hyper_of<Rule, float>(
        [&](int j) { return static_cast<float>(number(settings(j))); });
    std::memcpy(table.hyper_float, &late, sizeof(late));
  }
}

// The same as graphs, for tensors computed in float64 or float32.
template <class Rule>
class HyperGraph {
 public:
  using Hyper = typename Rule::template Hyper<Lazy>;

  template <class F>
  explicit HyperGraph(F&& settings)
      : double_(hyper_of<Rule, Lazy>(
            [&](int j) { return Lazy(astype(settings(j), Dtype::float64)); })) {
    if constexpr (derived_late<Rule>) {
      single_ = hyper_of<Rule, Lazy>(
          [&](int j) { return Lazy(astype(settings(j), Dtype::float32)); });
      return;
    }
    for (int j = 0; j < members<Lazy, Hyper>; ++j) {
      member<Lazy>(single_, j) =
          Lazy(member<Lazy>(double_, j).array(Dtype::float32));
    }
  }

  const Hyper& of(Dtype compute) const {
    return compute == Dtype::float64 ? double_ : single_;
  }

 private:
  Hyper double_, single_;
};

}  // namespace ingot
