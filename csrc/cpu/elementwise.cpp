// Elementwise families on the CPU: tiles of any layout and type through one
// kernel per op and compute type.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>
#include <cstring>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"
#include "csrc/cpu/transpose.h"

namespace ingot::cpu {
namespace {

// A kernel that writes over its own input must run to its end.
Interrupt interruptible(const Array& out, std::initializer_list<Array> in) {
  for (const Array& x : in) {
    if (x->buffer == out->buffer) return Interrupt::no;
  }
  return Interrupt::yes;
}

}  // namespace

void CpuBackend::unary(UnaryOp op, const Array& x, Array& out) {
  Dtype compute = compute_type(x.dtype());
  auto kernel =
      kernels().unary[static_cast<int>(op)][static_cast<int>(compute)];
  ConvertingReader in(x, compute);
  ConvertingWriter to(out, compute_type(out.dtype()));
  for_tiles(out.size(), in.direct() && to.direct(), interruptible(out, {x}),
            [&](int64_t at, int64_t n) {
              Scratch source, result;
              kernel(in.read(at, n, source), to.target(at, result), n);
              to.store(at, n, result);
            });
}

void CpuBackend::binary(BinaryOp op, const Array& a, const Array& b,
                        Array& out) {
  Dtype compute = compute_type(a.dtype());
  auto kernel =
      kernels().binary[static_cast<int>(op)][static_cast<int>(compute)];
  ConvertingReader left(a, compute), right(b, compute);
  ConvertingWriter to(out, compute_type(out.dtype()));
  for_tiles(out.size(), left.direct() && right.direct() && to.direct(),
            interruptible(out, {a, b}), [&](int64_t at, int64_t n) {
              Scratch first, second, result;
              kernel(left.read(at, n, first), right.read(at, n, second),
                     to.target(at, result), n);
              to.store(at, n, result);
            });
}

void CpuBackend::select(const Array& condition, const Array& a, const Array& b,
                        Array& out) {
  auto kernel =
      kernels()
          .select[std::bit_width(static_cast<uint64_t>(out.itemsize() >> 1))];
  Reader which(condition), yes(a), no(b);
  Writer to(out);
  bool direct = which.direct() && yes.direct() && no.direct() && to.direct();
  for_tiles(out.size(), direct, interruptible(out, {condition, a, b}),
            [&](int64_t at, int64_t n) {
              Scratch flags, first, second, result;
              kernel(static_cast<const bool*>(which.read(at, n, flags)),
                     yes.read(at, n, first), no.read(at, n, second),
                     to.target(at, result), n);
              to.store(at, n, result);
            });
}

namespace {

// Half types convert to anything but themselves by way of float32.
Dtype pivot(Dtype from, Dtype to) {
  if (from == to) return from;
  if (is_half(from) || is_half(to)) return Dtype::float32;
  return from;
}

// By copies of one tile: they take the longest stores there are.
template <class T>
void fill_with(T value, Array& out) {
  T* to = out.data<T>();
  T tile[kTile];
  std::fill_n(tile, std::min(kTile, out.size()), value);
  for_tiles(out.size(), false, Interrupt::yes, [&](int64_t at, int64_t n) {
    std::memcpy(to + at, tile, n * sizeof(T));
  });
}

}  // namespace

void CpuBackend::copy(const Array& x, Array& out) {
  if (copy_transposed(x, out)) return;
  Dtype middle = pivot(x.dtype(), out.dtype());
  ConvertingReader in(x, middle);
  ConvertingWriter to(out, middle);
  int64_t bytes = size_of(middle);
  for_tiles(out.size(), in.direct() && to.direct(), interruptible(out, {x}),
            [&](int64_t at, int64_t n) {
              Scratch source, result;
              const void* from = in.read(at, n, source);
              void* target = to.target(at, result);
              if (from != target) std::memmove(target, from, n * bytes);
              to.store(at, n, result);
            });
}

void CpuBackend::fill(Number value, Array& out) {
  dispatch(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    fill_with(value.as<T>(), out);
  });
}

// out[i] = start + i * step, rounded once from double.
void CpuBackend::arange(double start, double step, Array& out) {
  dispatch(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.data<T>();
    for_tiles(out.size(), true, Interrupt::yes, [&](int64_t at, int64_t n) {
      for (int64_t i = at; i < at + n; ++i) {
        double value = start + static_cast<double>(i) * step;
        if constexpr (std::is_integral_v<T>) {
          to[i] = static_cast<T>(static_cast<int64_t>(value));
        } else {
          to[i] =
              T(static_cast<
                  std::conditional_t<std::is_same_v<T, double>, double, float>>(
                  value));
        }
      }
    });
  });
}

void CpuBackend::eye(int64_t diagonal, Array& out) {
  fill({0, 0}, out);
  int64_t rows = out.shape(0), columns = out.shape(1);
  dispatch(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* to = out.data<T>();
    for (int64_t i = std::max<int64_t>(0, -diagonal); i < rows; ++i) {
      if (i + diagonal >= columns) break;
      to[i * columns + i + diagonal] = T(1.0f);
    }
  });
}

}  // namespace ingot::cpu
