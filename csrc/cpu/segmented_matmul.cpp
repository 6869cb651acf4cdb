// Products over segments of the inner dimension, and their transpose, which
// spreads products over the segments. Segments that have elements in common are
// taken one after the other.
// SPDX-License-Identifier: MIT
#include <vector>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/product.h"

namespace ingot::cpu {
namespace {

using namespace products;

struct Segment {
  int64_t number, begin, end;
};

// Those that have elements; IndexError for one that reaches beyond `length`.
std::vector<Segment> read(Backend& backend, const Array& segments,
                          int64_t length) {
  Array wide = Array::empty(segments.shape(), Dtype::int64);
  backend.copy(segments, wide);
  auto* bounds = wide.data<const int64_t>();
  std::vector<Segment> found;
  for (int64_t i = 0; i < segments.shape(0); ++i) {
    int64_t begin = bounds[2 * i], end = bounds[2 * i + 1];
    if (begin < 0 || begin > length || end < 0 || end > length) {
      throw IndexError(cat("segmented_mm: segments must be in [0, ", length,
                           "], got ", Shape{begin, end}));
    }
    if (begin < end) found.push_back({i, begin, end});
  }
  return found;
}

// A product of windows: of a and b, added to what is in `to`.
struct Piece {
  int64_t a, b, to, m, n, k;
};

using Pieces = std::vector<Piece>;

template <class T>
void run(const Operand& a, const Operand& b, const Pieces& pieces,
         int64_t depth, int64_t ld, Array& out) {
  int64_t step_a = a.layout.transposed ? a.layout.ld : 1;
  int64_t step_b = b.layout.transposed ? 1 : b.layout.ld;
  int64_t longest = 0;
  for (const Piece& piece : pieces) longest = std::max(longest, piece.k);
  for (int64_t at = 0; at < longest; at += depth) {
    parallel_for(std::ssize(pieces), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const Piece& piece = pieces[i];
        int64_t count = std::min(depth, piece.k - at);
        if (count <= 0) continue;
        Panel<T> x(a, piece.a + at * step_a, piece.m, count);
        Panel<T> y(b, piece.b + at * step_b, count, piece.n);
        multiply_tile<T>(piece.m, piece.n, count, 1, *x, *y, 1,
                         out.data<T>() + piece.to, ld);
      }
    });
    throw_if_cancelled();
  }
}

// Rows of a, (m, length), and columns of b, (length, n), within a segment.
void add_sums(const Plan& plan, const Operand& a, const Operand& b,
              const Segment& segment, Pieces& pieces) {
  for (int64_t i = 0; i < plan.per_matrix(); ++i) {
    auto [row, column] = plan.place(i);
    row *= plan.tile_m;
    column *= plan.tile_n;
    pieces.push_back({a.offset(0, {}, row, segment.begin),
                      b.offset(0, {}, segment.begin, column),
                      (segment.number * plan.m + row) * plan.n + column,
                      std::min(plan.tile_m, plan.m - row),
                      std::min(plan.tile_n, plan.n - column),
                      segment.end - segment.begin});
  }
}

// Rows of the segment's own matrix of a, (segments, m, k), and columns of b, (k,
// length), within the segment.
void add_spread(const Plan& plan, const Operand& a, const Operand& b,
                const Segment& segment, Pieces& pieces) {
  Shape matrices = {a.array.shape(0)};
  for (int64_t row = 0; row < plan.m; row += plan.tile_m) {
    for (int64_t at = segment.begin; at < segment.end; at += plan.tile_n) {
      pieces.push_back({a.offset(segment.number, matrices, row, 0),
                        b.offset(0, {}, 0, at), row * plan.n + at,
                        std::min(plan.tile_m, plan.m - row),
                        std::min(plan.tile_n, segment.end - at), plan.k});
    }
  }
}

}  // namespace

void CpuBackend::segmented_matmul(bool spread, const Array& a, const Array& b,
                                  const Array& segments, Array& out) {
  int64_t length = spread ? out.shape(1) : a.shape(1);
  std::vector<Segment> found = read(*this, segments, length);
  if (out.size() == 0) return;
  if (is_half(out.dtype())) {
    Array wide = Array::empty(out.shape(), Dtype::float32);
    segmented_matmul(spread, a, b, segments, wide);
    return copy(wide, out);
  }
  fill({0, 0}, out);
  int64_t m = out.shape(out.ndim() - 2), n = out.shape().back();
  require<MemoryError>(n <= INT_MAX, "segmented_mm: rows of the result must ",
                       "be shorter than 2^31, got ", n);
  Plan plan(1, m, n, a.shape().back(), is_half(a.dtype()), false);
  Operand x(*this, a), y(*this, b);
  auto finish = [&](Pieces& pieces) {
    auto how = out.dtype() == Dtype::float64 ? run<double> : run<float>;
    how(x, y, pieces, plan.tile_k, n, out);
    pieces.clear();
  };
  Pieces pieces;
  int64_t reached = 0;
  for (const Segment& segment : found) {
    if (!spread) {
      add_sums(plan, x, y, segment, pieces);
      continue;
    }
    if (segment.begin < reached) {
      finish(pieces);
      reached = 0;
    }
    add_spread(plan, x, y, segment, pieces);
    reached = std::max(reached, segment.end);
  }
  finish(pieces);
}

}  // namespace ingot::cpu
