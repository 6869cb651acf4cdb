// One functor per elementwise function of one argument.
// SPDX-License-Identifier: MIT
#pragma once
#include "../math.h"
#include "../shim.h"
#include "integer.h"

namespace ingot {

struct Abs {
  template <class T>
  INGOT_FN auto apply(T x) -> decltype(abs(x)) {
    return abs(x);
  }
};

struct Negative {
  template <class T>
  INGOT_FN T apply(T x) {
    return T(-ring(x));
  }
};

struct Sign {
  template <class T>
  INGOT_FN T apply(T x) {
    return sign(x);
  }
};

struct Square {
  template <class T>
  INGOT_FN T apply(T x) {
    return T(ring(x) * ring(x));
  }
};

struct Reciprocal {
  template <class T>
  INGOT_FN T apply(T x) {
    return T(1) / x;
  }
};

// Functors whose name in the library differs from the function's only by case.
#define INGOT_UNARY(Functor, function) \
  struct Functor {                     \
    template <class T>                 \
    INGOT_FN T apply(T x) {            \
      return function(x);              \
    }                                  \
  };
INGOT_UNARY(Sqrt, sqrt)
INGOT_UNARY(Rsqrt, rsqrt)
INGOT_UNARY(Exp, math::exp)
INGOT_UNARY(Exp2, math::exp2)
INGOT_UNARY(Expm1, math::expm1)
INGOT_UNARY(Log, math::log)
INGOT_UNARY(Log2, math::log2)
INGOT_UNARY(Log10, math::log10)
INGOT_UNARY(Log1p, math::log1p)
INGOT_UNARY(Sin, math::sin)
INGOT_UNARY(Cos, math::cos)
INGOT_UNARY(Tan, math::tan)
INGOT_UNARY(ArcSin, math::asin)
INGOT_UNARY(ArcCos, math::acos)
INGOT_UNARY(ArcTan, math::atan)
INGOT_UNARY(Sinh, math::sinh)
INGOT_UNARY(Cosh, math::cosh)
INGOT_UNARY(Tanh, math::tanh)
INGOT_UNARY(ArcSinh, math::asinh)
INGOT_UNARY(ArcCosh, math::acosh)
INGOT_UNARY(ArcTanh, math::atanh)
INGOT_UNARY(Erf, math::erf)
INGOT_UNARY(ErfInv, math::erfinv)
INGOT_UNARY(Sigmoid, math::sigmoid)
INGOT_UNARY(Silu, math::silu)
INGOT_UNARY(SiluSlope, math::silu_slope)
INGOT_UNARY(Gelu, math::gelu)
INGOT_UNARY(GeluSlope, math::gelu_slope)
INGOT_UNARY(GeluApprox, math::gelu_approx)
INGOT_UNARY(GeluApproxSlope, math::gelu_approx_slope)
INGOT_UNARY(Floor, floor)
INGOT_UNARY(Ceil, ceil)
INGOT_UNARY(Trunc, trunc)
INGOT_UNARY(Round, rint)  // half to even
#undef INGOT_UNARY

struct LogicalNot {
  template <class T>
  INGOT_FN bool apply(T x) {
    return x == T(0);
  }
};

struct BitwiseInvert {
  template <class T>
  INGOT_FN T apply(T x) {
    return T(ring(x) ^
             ring(T(-1)));  // T(-1) has all bits of T set, of bool one
  }
};

struct IsNan {
  template <class T>
  INGOT_FN bool apply(T x) {
    return isnan(floating(x));
  }
};

struct IsInf {
  template <class T>
  INGOT_FN bool apply(T x) {
    return isinf(floating(x));
  }
};

struct IsFinite {
  template <class T>
  INGOT_FN bool apply(T x) {
    return isfinite(floating(x));
  }
};

struct SignBit {
  template <class T>
  INGOT_FN bool apply(T x) {
    return signbit(floating(x));
  }
};

struct IsNegInf {
  template <class T>
  INGOT_FN bool apply(T x) {
    return isinf(floating(x)) && floating(x) < 0;
  }
};

struct IsPosInf {
  template <class T>
  INGOT_FN bool apply(T x) {
    return isinf(floating(x)) && floating(x) > 0;
  }
};

}  // namespace ingot
