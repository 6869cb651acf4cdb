// Vectorised loops of the binary ops. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "metal/ops/binary.h"

#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

template <class Functor, class In, class Out>
void loop(const void* a, const void* b, void* out, int64_t n) {
  auto* left = static_cast<const In*>(a);
  auto* right = static_cast<const In*>(b);
  auto* to = static_cast<Out*>(out);
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    to[i] = static_cast<Out>(Functor::apply(left[i], right[i]));
  }
}

template <class Functor, class... T>
void fill(BinaryKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Functor, T, T>), ...);
}

template <class Functor, class... T>
void fill_test(BinaryKernel* row, Types<T...>) {
  ((row[static_cast<int>(dtype_of<T>)] = loop<Functor, T, bool>), ...);
}

template <class Functor>
void fill_arithmetic(BinaryKernel* row) {
  fill<Functor>(row, AllTypes());
}
template <class Functor>
void fill_floating(BinaryKernel* row) {
  fill<Functor>(row, FloatTypes());
}
template <class Functor>
void fill_compare(BinaryKernel* row) {
  fill_test<Functor>(row, AllTypes());
}
template <class Functor>
void fill_logical(BinaryKernel* row) {
  fill<Functor>(row, Types<bool>());
}
template <class Functor>
void fill_integer(BinaryKernel* row) {
  fill<Functor>(row, IntegerTypes());
}

template <class Functor>
void fill_complex(BinaryKernel* row) {
  using Out = decltype(Functor::apply(Complex64(), Complex64()));
  row[static_cast<int>(Dtype::complex64)] = loop<Functor, Complex64, Out>;
}

}  // namespace

void fill_binary(Kernels& k) {
  BinaryKernel(*row)[kDtypes] = k.binary;
#define BINARY(name, Functor, kind, doc) fill_##kind<Functor>(*row++);
#include "csrc/ops.def"
#define COMPLEX_BINARY(Functor) \
  fill_complex<Functor>(k.binary[static_cast<int>(BinaryOp::Functor)]);
#include "csrc/ops/complex.def"
}

}  // namespace ingot::cpu::INGOT_SIMD
