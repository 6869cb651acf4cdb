// AdaDelta: Zeiler 2012, algorithm 1, with a learning rate.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

struct AdaDelta {
  enum { v, u, slots };  // mean squares of the gradients and of the updates

  template <class T>
  struct Settings {
    T lr, rho, eps;
  };

  template <class T>
  struct Hyper {
    T lr, rho, gain, eps;  // gain = 1 - rho
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.rho, T(1) - s.rho, s.eps};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.s[v] = h.rho * e.s[v] + h.gain * (g * g);
    T d = sqrt(e.s[u] + h.eps) / sqrt(e.s[v] + h.eps) * g;
    e.s[u] = h.rho * e.s[u] + h.gain * (d * d);
    e.w = e.w - h.lr * d;
    return e;
  }
};

}  // namespace ingot
