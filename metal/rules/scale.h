// What clipping does to gradients once their norm is known: Pascanu et al. 2013,
// algorithm 1. The parameter is the gradient itself.
// SPDX-License-Identifier: MIT
#pragma once

#include "../math.h"

namespace ingot {

struct Scale {
  enum { slots };
  // Its Hyper is derived in the type of the tensors, not in double: a GPU does it
  // by itself, and need not wait for the host to see the norm.
  enum { derived_late = 1 };

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
    // Subnormal numbers count as 0 in a step: neither factor is one.
    T rest = where(s.norm > s.max_norm * T(1e30f), T(1e-12f), T(1));
    T factor = s.max_norm / rest / (s.norm + s.eps);
    return {where(factor >= T(1), T(1), factor), rest};  // NaN stays
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.w = g * h.factor * h.rest;
    return e;
  }
};

}  // namespace ingot
