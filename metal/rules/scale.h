// What clipping does to gradients once their norm is known: Pascanu et al. 2013,
// algorithm 1. The parameter is the gradient itself.
// SPDX-License-Identifier: MIT
#pragma once

#include "../math.h"

namespace ingot {

struct Scale {
  enum { slots };

  template <class T>
  struct Settings {
    T max_norm, norm, eps;
  };

  template <class T>
  struct Hyper {
    T factor, rest;  // their product is min(1, max_norm / (norm + eps))
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    T ratio = s.max_norm / (s.norm + s.eps);
    ratio = where(ratio >= T(1), T(1), ratio);  // NaN stays
    // Subnormal numbers count as 0 in a step: neither factor is one.
    T rest = where(ratio < T(1e-30f), T(1e-12f), T(1));
    return {ratio / rest, rest};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T, Hyper<T> h) {
    e.w = e.w * h.factor * h.rest;
    return e;
  }
};

}  // namespace ingot
