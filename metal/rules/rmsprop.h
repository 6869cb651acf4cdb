// RMSprop: Tieleman & Hinton 2012, lecture 6.5.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

struct RMSprop {
  enum { v, slots };

  template <class T>
  struct Settings {
    T lr, alpha, eps;
  };

  template <class T>
  struct Hyper {
    T lr, alpha, gain, eps;  // gain = 1 - alpha
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.alpha, T(1) - s.alpha, s.eps};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.s[v] = h.alpha * e.s[v] + h.gain * (g * g);
    e.w = e.w - h.lr * g / (sqrt(e.s[v]) + h.eps);
    return e;
  }
};

}  // namespace ingot
