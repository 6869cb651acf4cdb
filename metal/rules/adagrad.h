// Adagrad: Duchi, Hazan & Singer 2011, with a diagonal matrix.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

struct Adagrad {
  enum { v, slots };

  template <class T>
  struct Settings {
    T lr, eps;
  };

  template <class T>
  struct Hyper {
    T lr, eps;
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.eps};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.s[v] = e.s[v] + g * g;
    e.w = e.w - h.lr * g / (sqrt(e.s[v]) + h.eps);
    return e;
  }
};

}  // namespace ingot
