// Adafactor: Shazeer & Stern 2018, algorithms 4 to 6. No line of rules.def: it
// needs means over rows, columns and whole tensors between its passes.
// SPDX-License-Identifier: MIT
#pragma once

#include "../math.h"

namespace ingot {

struct Adafactor {
  template <class T>
  struct Settings {
    T lr, relative_step, warmup_init, step, decay_rate, eps0, eps1,
        clip_threshold, beta1, weight_decay, scale_parameter;
  };

  template <class T>
  struct Hyper {
    T rate;          // rho_t
    T beta2, gain2;  // beta2_t, gain = 1 - beta
    T eps0;          // added to squared gradients
    T least;         // eps1^2, the least square of a parameter's size
    T scale;         // 1 where the step grows with its parameter, or 0
    T clip_square;   // d^2
    T beta1, gain1;  // 0 and 1 without a mean of updates
    T weight_decay;
  };

  template <class T>
  INGOT_FN Hyper<T> hyper(Settings<T> s) {
    using math::pow;
    T t = max(s.step, T(1));
    T most = where(s.warmup_init > T(0), t / T(1000000), T(1) / T(100));
    T beta2 = T(1) - pow(t, s.decay_rate);
    return {where(s.relative_step > T(0), min(most, rsqrt(t)), s.lr),
            beta2,
            T(1) - beta2,
            s.eps0,
            s.eps1 * s.eps1,
            s.scale_parameter,
            s.clip_threshold * s.clip_threshold,
            s.beta1,
            T(1) - s.beta1,
            s.weight_decay};
  }

  // R, C or V: the mean of squared gradients along a row or column, or of one.
  template <class T>
  INGOT_FN T moment(T old, T square, Hyper<T> h) {
    return h.beta2 * old + h.gain2 * (square + h.eps0);
  }

  // 1 / sqrt(V) is the product of a row's factor and a column's; `whole` is the
  // mean of R over the rows.
  template <class T>
  INGOT_FN T row_factor(T row, T whole) {
    return rsqrt(row / whole);
  }
  template <class T>
  INGOT_FN T column_factor(T column) {
    return rsqrt(column);
  }

  // alpha_t of a parameter with this mean square. The root of the larger square
  // has a derivative where that of zero would have none.
  template <class T>
  INGOT_FN T size(T square, Hyper<T> h) {
    return where(h.scale > T(0), h.rate * sqrt(max(h.least, square)), h.rate);
  }

  // What brings updates U = G / sqrt(V) with this mean square down to d.
  template <class T>
  INGOT_FN T shrink(T square, Hyper<T> h) {
    return rsqrt(max(T(1), square / h.clip_square));
  }

  // The state is the mean of updates.
  template <class T>
  INGOT_FN Element<T, 1> step(Element<T, 1> e, T u, T size, T shrink,
                              Hyper<T> h) {
    e.s[0] = h.beta1 * e.s[0] + h.gain1 * (size * (u * shrink));
    e.w = e.w - (e.s[0] + (h.weight_decay * size) * e.w);
    return e;
  }
};

}  // namespace ingot
