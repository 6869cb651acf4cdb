// Muon before its update is made orthogonal: Jordan et al. 2024, momentum with
// an L2 penalty. What it gives is the update, not a parameter.
// SPDX-License-Identifier: MIT
#pragma once

#include "../math.h"

namespace ingot {

struct Muon {
  enum { v, slots };
  enum { gives_update = 1 };

  template <class T>
  struct Settings {
    T momentum, weight_decay, nesterov;
  };

  template <class T>
  struct Hyper {
    T momentum, gain;  // gain = 1 - momentum
    T weight_decay, nesterov;
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.momentum, T(1) - s.momentum, s.weight_decay, s.nesterov};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    g = h.gain * (g + h.weight_decay * e.w);
    e.s[v] = h.momentum * e.s[v] + g;
    e.w = where(h.nesterov > T(0), h.momentum * e.s[v] + g, e.s[v]);
    return e;
  }
};

}  // namespace ingot
