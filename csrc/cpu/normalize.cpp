// Normalization on the CPU: rows shared out over threads. The gradients of
// weight and bias are sums over rows, taken by blocks that the shape alone
// fixes, so that they do not depend on the number of threads.
// SPDX-License-Identifier: MIT
#include <cstring>
#include <optional>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

// Blocks of rows, at most, and rows of one, at least: what they add up takes
// no more memory than the rows.
constexpr int64_t kBlocks = 64;
constexpr int64_t kBlockRows = 4;

using Bytes = std::vector<char>;

// Rows of n elements as contiguous memory of the compute type: the array's own
// where possible, else room of one row.
class RowReader {
 public:
  RowReader(const Array& x, Dtype compute, int64_t n)
      : reader_(x, compute), itemsize_(size_of(compute)), n_(n) {}

  const void* read(int64_t row, Bytes& room) const {
    Scratch scratch;
    if (reader_.direct()) return reader_.read(row * n_, n_, scratch);
    room.resize(static_cast<size_t>(n_ * itemsize_));
    for (int64_t i = 0; i < n_; i += kTile) {
      int64_t count = std::min(kTile, n_ - i);
      std::memcpy(room.data() + i * itemsize_,
                  reader_.read(row * n_ + i, count, scratch),
                  static_cast<size_t>(count * itemsize_));
    }
    return room.data();
  }

 private:
  ConvertingReader reader_;
  int64_t itemsize_, n_;
};

// The same for results: write into target(), then store().
class RowWriter {
 public:
  RowWriter(const Array& out, Dtype compute, int64_t n)
      : writer_(out, compute), itemsize_(size_of(compute)), n_(n) {}

  void* target(int64_t row, Bytes& room) const {
    Scratch unused;
    if (writer_.direct()) return writer_.target(row * n_, unused);
    room.resize(static_cast<size_t>(n_ * itemsize_));
    return room.data();
  }

  void store(int64_t row, const Bytes& room) const {
    Scratch scratch;
    for (int64_t i = 0; i < n_ && !writer_.direct(); i += kTile) {
      int64_t count = std::min(kTile, n_ - i), at = row * n_ + i;
      std::memcpy(writer_.target(at, scratch), room.data() + i * itemsize_,
                  static_cast<size_t>(count * itemsize_));
      writer_.store(at, count, scratch);
    }
  }

 private:
  ConvertingWriter writer_;
  int64_t itemsize_, n_;
};

// A weight or bias as a contiguous vector of the compute type; `otherwise`
// where there is none.
Array vector_of(CpuBackend& backend, const Array* x, double otherwise,
                int64_t n, Dtype compute) {
  if (x && x->dtype() == compute && x->contiguous()) return *x;
  Array made = Array::empty({n}, compute);
  if (x) {
    backend.copy(*x, made);
  } else {
    backend.fill({otherwise, 0}, made);
  }
  return made;
}

// What blocks of rows add to the gradients of weight and bias.
struct Partials {
  int64_t rows, n, each;  // rows of a block
  int64_t blocks;
  std::vector<double> weight, bias;  // for each block a row; empty: not wanted

  Partials(int64_t rows, int64_t n, const NormalizationGradients& gradients)
      : rows(rows),
        n(n),
        each(std::max(kBlockRows, (rows + kBlocks - 1) / kBlocks)),
        blocks((rows + each - 1) / each),
        weight(static_cast<size_t>(gradients.weight ? blocks * n : 0)),
        bias(static_cast<size_t>(gradients.bias ? blocks * n : 0)) {}

  double* row(std::vector<double>& sums, int64_t block) {
    return sums.empty() ? nullptr : sums.data() + block * n;
  }

  // In the order of the blocks.
  void add_up(const std::vector<double>& sums, CpuBackend& backend,
              Array& out) const {
    Array total = Array::empty({n}, Dtype::float64);
    auto* to = total.data<double>();
    int64_t grain = blocks * n < kParallel ? n : kTile;
    parallel_for(n, grain, [&](int64_t i, int64_t end) {
      std::fill(to + i, to + end, 0.0);
      for (int64_t block = 0; block < blocks; ++block) {
        const double* from = sums.data() + block * n;
        for (int64_t j = i; j < end; ++j) to[j] += from[j];
      }
    });
    backend.copy(total, out);
  }
};

}  // namespace

void CpuBackend::normalize(const Normalization& what, const Array& x,
                           const Array* weight, const Array* bias, Array& out) {
  if (out.size() == 0) return;
  int64_t n = out.shape().back(), rows = out.size() / n;
  Dtype compute = compute_type(out.dtype());
  Array w = vector_of(*this, weight, 1.0, n, compute);
  Array b = vector_of(*this, bias, -0.0, n, compute);
  RowReader from(x, compute, n);
  RowWriter to(out, compute, n);
  auto kernel = kernels().normalize[static_cast<int>(compute)];
  bool in_place = x->buffer == out->buffer || w->buffer == out->buffer ||
                  b->buffer == out->buffer;
  int64_t grain =
      out.size() < kParallel ? rows : std::max<int64_t>(1, kChunk / n);
  parallel_for(
      rows, grain,
      [&](int64_t row, int64_t end) {
        Bytes source, result;
        for (; row < end; ++row) {
          kernel(what, from.read(row, source), w.data(), b.data(),
                 to.target(row, result), n);
          to.store(row, result);
        }
      },
      in_place ? Interrupt::no : Interrupt::yes);
}

void CpuBackend::normalize_vjp(const Normalization& what, const Array& x,
                               const Array* weight, const Array& cotangent,
                               const NormalizationGradients& gradients) {
  int64_t n = x.shape().back();
  if (n == 0) return;
  int64_t rows = x.size() / n;
  Dtype compute = compute_type(cotangent.dtype());
  Array w = vector_of(*this, weight, 1.0, n, compute);
  RowReader from(x, compute, n), from_cotangent(cotangent, compute, n);
  std::optional<RowWriter> to;
  if (gradients.x) to.emplace(*gradients.x, compute, n);
  Partials partials(rows, n, gradients);
  auto kernel = kernels().normalize_vjp[static_cast<int>(compute)];
  int64_t grain =
      x.size() < kParallel ? std::max<int64_t>(1, partials.blocks) : 1;
  parallel_for(partials.blocks, grain, [&](int64_t block, int64_t last) {
    Bytes source, given, result;
    Bytes scratch(static_cast<size_t>(3 * n * size_of(compute)));
    for (; block < last; ++block) {
      NormalizeVjpRow at = {};
      at.weight = w.data();
      at.dweight = partials.row(partials.weight, block);
      at.dbias = partials.row(partials.bias, block);
      at.scratch = scratch.data();
      int64_t end = std::min(rows, (block + 1) * partials.each);
      for (int64_t row = block * partials.each; row < end; ++row) {
        at.x = from.read(row, source);
        at.cotangent = from_cotangent.read(row, given);
        at.dx = to ? to->target(row, result) : nullptr;
        kernel(what, at, n);
        if (to) to->store(row, result);
      }
    }
  });
  if (gradients.weight) {
    partials.add_up(partials.weight, *this, *gradients.weight);
  }
  if (gradients.bias) partials.add_up(partials.bias, *this, *gradients.bias);
}

}  // namespace ingot::cpu
