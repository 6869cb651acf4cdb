// Softmax along the last axis on the CPU: rows that fit the cache in one go,
// longer ones by way of logsumexp in double.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

constexpr int64_t kLongRow = 64 << 10;

// Row `begin / n`, read into and written from `row` a tile at a time.
void staged_row(UnaryKernel kernel, const ConvertingReader& in,
                const ConvertingWriter& to, int64_t begin, int64_t n,
                int64_t bytes, char* row) {
  Scratch scratch;
  for (int64_t i = 0; i < n; i += kTile) {
    int64_t count = std::min(kTile, n - i);
    std::memcpy(row + i * bytes, in.read(begin + i, count, scratch),
                count * bytes);
  }
  kernel(row, row, n);
  for (int64_t i = 0; i < n; i += kTile) {
    int64_t count = std::min(kTile, n - i);
    std::memcpy(to.target(begin + i, scratch), row + i * bytes, count * bytes);
    to.store(begin + i, count, scratch);
  }
}

void short_rows(const Array& x, Array& out, int64_t n, Dtype compute) {
  auto kernel = kernels().softmax[static_cast<int>(compute)];
  ConvertingReader in(x, compute);
  ConvertingWriter to(out, compute);
  int64_t bytes = size_of(compute), rows = out.size() / n;
  int64_t grain =
      out.size() < kParallel ? rows : std::max<int64_t>(1, kChunk / n);
  bool direct = in.direct() && to.direct();
  parallel_for(rows, grain, [&](int64_t begin, int64_t end) {
    Scratch unused;
    std::vector<char> row(direct ? 0 : n * bytes);
    for (int64_t i = begin * n; i < end * n; i += n) {
      if (direct) {
        kernel(in.read(i, n, unused), to.target(i, unused), n);
      } else {
        staged_row(kernel, in, to, i, n, bytes, row.data());
      }
    }
  });
}

void long_rows(CpuBackend& backend, const Array& x, Array& out, int64_t n,
               Dtype compute) {
  Shape shape(out.shape().begin(), out.shape().end() - 1);
  Array total = Array::empty(shape, Dtype::float64);
  backend.reduce({ReduceOp::logsumexp, {x.ndim() - 1}}, x, total);
  auto* shifts = total.data<double>();
  for (int64_t i = 0; i < total.size(); ++i) {
    // inf - inf leaves nothing of such a row, as it does of a short one.
    if (std::isinf(shifts[i])) {
      shifts[i] = std::numeric_limits<double>::quiet_NaN();
    }
  }
  auto kernel = kernels().exponential[static_cast<int>(compute)];
  ConvertingReader in(x, compute);
  ConvertingWriter to(out, compute);
  for_tiles(out.size(), false, Interrupt::yes, [&](int64_t at, int64_t count) {
    Scratch source, result;
    auto* from = static_cast<const char*>(in.read(at, count, source));
    auto* target = static_cast<char*>(to.target(at, result));
    for (int64_t i = 0; i < count;) {
      int64_t row = (at + i) / n;
      int64_t some = std::min(count - i, (row + 1) * n - at - i);
      int64_t skip = i * size_of(compute);
      kernel(from + skip, target + skip, some, shifts[row]);
      i += some;
    }
    to.store(at, count, result);
  });
}

}  // namespace

void CpuBackend::softmax(const Array& x, Array& out) {
  if (out.size() == 0) return;
  int64_t n = out.ndim() == 0 ? 1 : out.shape().back();
  Dtype compute = compute_type(x.dtype());
  if (n <= kLongRow) {
    short_rows(x, out, n, compute);
  } else {
    long_rows(*this, x, out, n, compute);
  }
}

}  // namespace ingot::cpu
