// AdamW: Loshchilov & Hutter 2019, algorithm 2: Adam on decayed parameters.
// SPDX-License-Identifier: MIT
#pragma once

#include "adam.h"

namespace ingot {

struct AdamW {
  enum { m, v, slots };

  template <class T>
  struct Settings {
    T lr, beta1, beta2, eps, weight_decay, bias_correction, step;
  };

  template <class T>
  struct Hyper {
    Adam::Hyper<T> adam;
    T keep;  // 1 - lr * weight_decay
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    Adam::Settings<T> adam = {s.lr,  s.beta1,           s.beta2,
                              s.eps, s.bias_correction, s.step};
    return {Adam::hyper(adam), T(1) - s.lr * s.weight_decay};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.w = h.keep * e.w;
    return Adam::step(e, g, h.adam);
  }
};

}  // namespace ingot
