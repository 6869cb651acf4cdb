// The Walsh-Hadamard transform. A Kronecker product of matrices is applied by
// one after the other, each along an axis of its own.
// SPDX-License-Identifier: MIT
#include <bit>
#include <cmath>
#include <string_view>
#include <vector>

#include "csrc/ops.h"

namespace ingot {
namespace {

// The most elements that are transformed at once: a matrix of 2^kBits rows.
constexpr int64_t kBits = 6;

// A square matrix of 1 and -1.
struct Signs {
  int64_t n;
  std::vector<int8_t> elements;

  explicit Signs(int64_t n) : n(n), elements(n * n) {}
  int8_t& operator()(int64_t row, int64_t column) {
    return elements[row * n + column];
  }
};

// Sylvester 1867: -1 where row and column have an odd number of bits in common.
Signs sylvester(int64_t bits) {
  Signs h(int64_t{1} << bits);
  for (uint64_t i = 0; i < static_cast<uint64_t>(h.n); ++i) {
    for (uint64_t j = 0; j < static_cast<uint64_t>(h.n); ++j) {
      h(i, j) = std::popcount(i & j) % 2 ? -1 : 1;
    }
  }
  return h;
}

// Paley 1933, the second construction, for q = 5: blocks of two by two, whose
// signs tell whether i - j is a square modulo q; those of the first row and
// column are 1.
Signs paley() {
  constexpr int kSquares[] = {0, 1, -1, -1, 1};
  Signs h(12);
  for (int64_t i = 0; i < 6; ++i) {
    for (int64_t j = 0; j < 6; ++j) {
      int sign = i == 0 || j == 0 ? 1 : kSquares[(i - j + 5) % 5];
      for (int64_t k = 0; k < 4; ++k) {
        int64_t row = k / 2, column = k % 2;
        h(2 * i + row, 2 * j + column) = i == j   ? (k == 0 ? 1 : -1)
                                         : k == 3 ? -sign
                                                  : sign;
      }
    }
  }
  return h;
}

// Williamson 1944: four circulant matrices, given by their first rows.
Signs williamson(const std::string_view (&rows)[4]) {
  constexpr int kPlaces[4][4] = {
      {1, 2, 3, 4}, {-2, 1, -4, 3}, {-3, 4, 1, -2}, {-4, -3, 2, 1}};
  auto size = static_cast<int64_t>(rows[0].size());
  Signs h(4 * size);
  for (int64_t i = 0; i < h.n; ++i) {
    for (int64_t j = 0; j < h.n; ++j) {
      int place = kPlaces[i / size][j / size];
      char c = rows[std::abs(place) - 1][(j - i % size + size) % size];
      h(i, j) = (c == '+') == (place > 0) ? 1 : -1;
    }
  }
  return h;
}

Signs matrix_of(int64_t m) {
  if (m == 12) return paley();
  if (m == 20) return williamson({"+----", "+----", "++--+", "+-++-"});
  return williamson({"+------", "++----+", "+-+--+-", "+--++--"});
}

// The matrices whose Kronecker product it is, the largest strides first.
std::vector<Signs> factors_of(int64_t n) {
  std::vector<Signs> factors;
  for (int64_t m : {28, 20, 12, 1}) {
    if (n < m || n % m != 0 || !std::has_single_bit<uint64_t>(n / m)) continue;
    if (m > 1) factors.push_back(matrix_of(m));
    auto bits = static_cast<int64_t>(std::countr_zero<uint64_t>(n / m));
    for (int64_t left = (bits + kBits - 1) / kBits; left > 0; --left) {
      int64_t part = (bits + left - 1) / left;
      factors.push_back(sylvester(part));
      bits -= part;
    }
    return factors;
  }
  throw ValueError(cat("hadamard_transform: the last axis must have m 2^k ",
                       "elements, with m 1, 12, 20 or 28, got ", n));
}

Signs transposed(const Signs& h) {
  Signs t(h.n);
  for (int64_t i = 0; i < h.n; ++i) {
    for (int64_t j = 0; j < h.n; ++j) {
      t.elements[j * h.n + i] = h.elements[i * h.n + j];
    }
  }
  return t;
}

Array to_array(const Signs& signs, Dtype dtype) {
  Array h = Array::empty({signs.n, signs.n}, dtype);
  auto copy = [&](auto* to) {
    std::copy(signs.elements.begin(), signs.elements.end(), to);
  };
  if (dtype == Dtype::float64) {
    copy(h.data<double>());
  } else {
    copy(h.data<float>());
  }
  return h;
}

}  // namespace

Array hadamard_transform(const Array& x, std::optional<double> scale) {
  Dtype dtype = floating(x.dtype()), compute = compute_type(dtype);
  int64_t n = x.ndim() == 0 ? 1 : x.shape().back();
  std::vector<Signs> factors = factors_of(n);
  double by = scale.value_or(1 / std::sqrt(static_cast<double>(n)));
  Array y = astype(x, compute);
  if (factors.empty()) {
    return astype(multiply(y, Array::scalar(by, compute)), dtype);
  }
  Array zero = Array::scalar(0.0, compute);
  int64_t before = x.size() / n, after = n;
  for (const Signs& factor : factors) {
    after /= factor.n;
    if (after > 1) {
      Array h = to_array(factor, compute);
      y = matmul(h, reshape(y, {before, factor.n, after}));
    } else {  // the last one
      Array h = to_array(transposed(factor), compute);
      y = addmm(zero, reshape(y, {before, factor.n}), h, by, 0);
    }
    before *= factor.n;
  }
  return astype(reshape(y, x.shape()), dtype);
}

}  // namespace ingot
