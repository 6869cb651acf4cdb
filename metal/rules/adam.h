// Adam: Kingma & Ba 2015, algorithm 1; the bias correction is optional.
// SPDX-License-Identifier: MIT
#pragma once

#include "../math.h"

namespace ingot {

struct Adam {
  enum { m, v, slots };

  template <class T>
  struct Settings {
    T lr, beta1, beta2, eps, bias_correction, step;
  };

  template <class T>
  struct Hyper {
    T beta1, gain1, beta2, gain2, eps;  // gain = 1 - beta
    T rate;                             // lr / (1 - beta1^t)
    T scale;                            // 1 / sqrt(1 - beta2^t)
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    using math::pow;
    T t = max(s.step, T(1));
    T on = s.bias_correction;
    return {s.beta1,
            T(1) - s.beta1,
            s.beta2,
            T(1) - s.beta2,
            s.eps,
            where(on > T(0), s.lr / (T(1) - pow(s.beta1, t)), s.lr),
            where(on > T(0), T(1) / sqrt(T(1) - pow(s.beta2, t)), T(1))};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.s[m] = h.beta1 * e.s[m] + h.gain1 * g;
    e.s[v] = h.beta2 * e.s[v] + h.gain2 * (g * g);
    e.w = e.w - h.rate * e.s[m] / (sqrt(e.s[v]) * h.scale + h.eps);
    return e;
  }
};

}  // namespace ingot
