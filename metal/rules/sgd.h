// Stochastic gradient descent, plain and with (Nesterov) momentum.
// SPDX-License-Identifier: MIT
#pragma once

#include "../shim.h"

namespace ingot {

// Adafactor and Muon end here too: their direction takes the gradient's place.
struct Sgd {
  enum { slots };

  template <class T>
  struct Settings {
    T lr, weight_decay;
  };

  template <class T>
  struct Hyper {
    T lr, weight_decay;
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.weight_decay};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    e.w = e.w - h.lr * (g + h.weight_decay * e.w);
    return e;
  }
};

// Sutskever et al. 2013, with the velocity in units of the gradient. The first
// gradient is dampened like every other.
struct Momentum {
  enum { v, slots };

  template <class T>
  struct Settings {
    T lr, momentum, dampening, weight_decay, nesterov;
  };

  template <class T>
  struct Hyper {
    T lr, momentum, gain, weight_decay, nesterov;  // gain = 1 - dampening
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    return {s.lr, s.momentum, T(1) - s.dampening, s.weight_decay, s.nesterov};
  }

  template <class T>
  INGOT_FN Element<T, slots> step(Element<T, slots> e, T g, Hyper<T> h) {
    g = g + h.weight_decay * e.w;
    e.s[v] = h.momentum * e.s[v] + h.gain * g;
    T ahead = g + h.momentum * e.s[v];
    e.w = e.w - h.lr * where(h.nesterov > T(0), ahead, e.s[v]);
    return e;
  }
};

}  // namespace ingot
