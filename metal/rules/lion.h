// Lion: Chen et al. 2023, algorithm 2, the decay taken before the step.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

struct Lion {
  enum { m, slots };

  template <class T>
  struct Settings {
    T lr, beta1, beta2, weight_decay;
  };

  template <class T>
  struct Hyper {
    T lr, beta1, gain1, beta2, gain2;  // gain = 1 - beta
    T keep;                            // 1 - lr * weight_decay
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr,    s.beta1,        T(1) - s.beta1,
            s.beta2, T(1) - s.beta2, T(1) - s.lr * s.weight_decay};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    T c = h.beta1 * e.s[m] + h.gain1 * g;
    e.s[m] = h.beta2 * e.s[m] + h.gain2 * g;
    e.w = h.keep * e.w - h.lr * sign(c);
    return e;
  }
};

}  // namespace ingot
