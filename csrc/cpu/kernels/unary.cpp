// Vectorised loops of the unary ops. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "metal/ops/unary.h"

#include "csrc/cpu/kernels/ahead.h"
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class Functor, class In, class Out>
void loop(const void* x, void* out, int64_t n) {
  auto* in = static_cast<const In*>(x);
  auto* to = static_cast<Out*>(out);
  auto block = [&](int64_t begin, int64_t end) {
    INGOT_IVDEP
    for (int64_t i = begin; i < end; ++i) {
      to[i] = static_cast<Out>(Functor::apply(in[i]));
    }
  };
  in_blocks(n, block, in);
}

template <class Functor, class... T>
void fill(UnaryKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Functor, T, T>), ...);
}

template <class Functor, class... T>
void fill_test(UnaryKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Functor, T, bool>), ...);
}

template <class Functor>
void fill_floating(UnaryKernel* row) {
  fill<Functor>(row, FloatTypes());
}
template <class Functor>
void fill_numeric(UnaryKernel* row) {
  fill<Functor>(row, AllTypes());
}
template <class Functor>
void fill_rounding(UnaryKernel* row) {
  fill<Functor>(row, FloatTypes());
}
template <class Functor>
void fill_test(UnaryKernel* row) {
  fill_test<Functor>(row, FloatTypes());
}
template <class Functor>
void fill_integer(UnaryKernel* row) {
  fill<Functor>(row, IntegerTypes());
}
template <class Functor>
void fill_logical(UnaryKernel* row) {
  fill<Functor>(row, Types<bool>());
}

template <class Functor>
void fill_complex(UnaryKernel* row) {
  using Out = decltype(Functor::apply(Complex64()));
  row[static_cast<int>(Dtype::complex64)] = loop<Functor, Complex64, Out>;
}

}  // namespace

void fill_unary(Kernels& k) {
  UnaryKernel(*row)[kDtypes] = k.unary;
#define UNARY(name, Functor, kind, doc) fill_##kind<Functor>(*row++);
#include "csrc/ops.def"
#define COMPLEX_UNARY(Functor) \
  fill_complex<Functor>(k.unary[static_cast<int>(UnaryOp::Functor)]);
#include "csrc/ops/complex.def"
}

}  // namespace ingot::cpu::INGOT_SIMD
