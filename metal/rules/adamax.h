// Adamax: Kingma & Ba 2015, algorithm 2, without its bias correction.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

struct Adamax {
  enum { m, v, slots };  // v is the paper's u: a decaying maximum

  template <class T>
  struct Settings {
    T lr, beta1, beta2, eps;
  };

  template <class T>
  struct Hyper {
    T lr, beta1, gain1, beta2, eps;  // gain1 = 1 - beta1
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.beta1, T(1) - s.beta1, s.beta2, s.eps};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.s[m] = h.beta1 * e.s[m] + h.gain1 * g;
    e.s[v] = max(h.beta2 * e.s[v], abs(g));
    e.w = e.w - h.lr * e.s[m] / (e.s[v] + h.eps);
    return e;
  }
};

}  // namespace ingot
