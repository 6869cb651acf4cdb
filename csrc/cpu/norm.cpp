// The norm of many arrays taken together: one sweep over all of them, in
// double.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/sweep.h"

namespace ingot::cpu {
namespace {

// Elements added up by one thread at a time: of a piece of one array, or of
// several small ones.
constexpr int64_t kPiece = 64 << 10;

struct Piece {
  int64_t array, begin, end;
};

Dtype compute_of(Dtype x) {
  return is_floating(x) ? compute_type(x) : Dtype::float64;
}

// All elements of the arrays, in order, and how they are cut into groups.
struct Plan {
  const Inputs& arrays;
  std::vector<Piece> pieces;
  std::vector<int64_t> groups;  // where each begins in `pieces`, and the end
  int64_t size = 0;

  explicit Plan(const Inputs& xs) : arrays(xs) {
    pieces.reserve(xs.size());
    int64_t filled = kPiece;  // of the current group; so far there is none
    for (int64_t i = 0; i < xs.size(); ++i) {
      const Array& x = xs[i];
      for (int64_t at = 0; at < x.size();) {
        if (filled == kPiece) {
          groups.push_back(pieces.size());
          filled = 0;
        }
        int64_t n = std::min(kPiece - filled, x.size() - at);
        pieces.push_back({i, at, at + n});
        filled += n;
        at += n;
      }
      size += x.size();
    }
    groups.push_back(pieces.size());
  }

  // f(piece) -> double for every piece; `combine` puts the values together in
  // order.
  template <class F, class G>
  double over_all(double start, F&& f, G&& combine) const {
    int64_t n = groups.size() - 1;
    std::vector<double> values(n, start);
    parallel_for(n, size < kParallel ? n : 1, [&](int64_t begin, int64_t end) {
      for (int64_t g = begin; g < end; ++g) {
        for (int64_t p = groups[g]; p < groups[g + 1]; ++p) {
          values[g] = combine(values[g], f(pieces[p]));
        }
      }
    });
    for (double value : values) start = combine(start, value);
    return start;
  }

  // Calls f(Sweep, Lines) for the tiles of a piece.
  template <class F>
  void tiles(const Piece& piece, F&& f) const {
    const Array& x = arrays[piece.array];
    Shape axes(x.ndim());
    std::iota(axes.begin(), axes.end(), 0);
    Sweep sweep(x, axes, compute_of(x.dtype()));
    sweep.tiles(0, 1, piece.begin, piece.end,
                [&](const Lines& lines) { f(sweep, lines); });
  }
  Dtype type(const Piece& piece) const {
    return compute_of(arrays[piece.array].dtype());
  }
};

double add(double a, double b) { return a + b; }

double sum_of_squares(const Plan& plan) {
  auto square = [&](const Piece& piece) {
    const Kernels& k = kernels();
    int type = static_cast<int>(plan.type(piece));
    double sum = 0, center = 0;
    plan.tiles(piece, [&](const Sweep& sweep, const Lines& x) {
      auto& table = sweep.by_rows() ? k.rows : k.columns;
      table[static_cast<int>(Pass::deviations)][type](x.data, x.stride, x.lines,
                                                      x.n, &sum, &center);
    });
    return sum;
  };
  return plan.over_all(0, square, add);
}

// Calls f(|x|) for the elements of a piece.
template <class F>
void magnitudes(const Plan& plan, const Piece& piece, F&& f) {
  bool wide = plan.type(piece) == Dtype::float64;
  plan.tiles(piece, [&](const Sweep&, const Lines& x) {
    for (int64_t i = 0; i < x.lines * x.n; ++i) {
      f(std::abs(wide ? static_cast<const double*>(x.data)[i]
                      : static_cast<const float*>(x.data)[i]));
    }
  });
}

// The norm where squares of float64 leave its range: scaled by the largest
// magnitude.
double scaled_norm(const Plan& plan) {
  auto largest = [](double a, double b) {
    return std::isnan(b) || b > a ? b : a;
  };
  double scale = plan.over_all(
      0,
      [&](const Piece& piece) {
        double most = 0;
        magnitudes(plan, piece, [&](double x) { most = largest(most, x); });
        return most;
      },
      largest);
  if (scale == 0 || !std::isfinite(scale)) return scale;
  double sum = plan.over_all(
      0,
      [&](const Piece& piece) {
        double part = 0;
        magnitudes(plan, piece,
                   [&](double x) { part += (x / scale) * (x / scale); });
        return part;
      },
      add);
  return scale * std::sqrt(sum);
}

}  // namespace

void CpuBackend::global_norm(const Inputs& xs, double scale, Array& out) {
  Plan plan(xs);
  double sum = sum_of_squares(plan);
  // Below this, squares may have lost digits as subnormals.
  constexpr double kSmall = std::numeric_limits<double>::min() * 0x1p60;
  bool wide = out.dtype() == Dtype::float64;
  bool exact = std::isnan(sum) || (sum > kSmall && std::isfinite(sum));
  double norm = wide && !exact ? scaled_norm(plan) : std::sqrt(sum);
  norm *= scale;
  if (wide) {
    *out.data<double>() = norm;
  } else {
    *out.data<float>() = static_cast<float>(norm);
  }
}

}  // namespace ingot::cpu
