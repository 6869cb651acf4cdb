// Products of matrices that indices pair, summed where these name one result
// more than once. Thin matrices that meet one and the same are multiplied
// together. Tiles and the order of sums follow from shapes and indices alone.
// SPDX-License-Identifier: MIT
#include <numeric>
#include <vector>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/index.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/product.h"

namespace ingot::cpu {
namespace {

using namespace products;

// A side up to which a matrix is thin.
constexpr int64_t kThin = 32;

using Numbers = std::vector<int64_t>;

// What indices (negative ones count from the end) name among `count`.
Numbers numbers_of(const char* name, const Array& indices, const Array& x) {
  Array line = Array::view(x, {x.shape(0)}, {1});
  return Places(Gather{name, {0}, {1}}, line, Inputs{line, indices}).read_all();
}

// The pairs that have each number, in their order.
struct Groups {
  Numbers begin, pairs;

  Groups(const Numbers& numbers, int64_t count)
      : begin(count + 1), pairs(numbers.size()) {
    for (int64_t i : numbers) ++begin[i + 1];
    std::partial_sum(begin.begin(), begin.end(), begin.begin());
    Numbers at = begin;
    for (size_t i = 0; i < numbers.size(); ++i) pairs[at[numbers[i]]++] = i;
  }
};

// Copies the lines of a matrix, its rows or its columns, one behind the other.
template <class T>
T* copy_lines(const blas::Matrix<const T>& x, bool columns, int64_t lines,
              int64_t length, T* to) {
  bool apart = x.transposed != columns;
  for (int64_t i = 0; i < lines; ++i, to += length) {
    if (!apart) {
      std::copy_n(x.data + i * x.ld, length, to);
    } else {
      for (int64_t j = 0; j < length; ++j) to[j] = x.data[j * x.ld + i];
    }
  }
  return to;
}

template <class T>
struct Pairs {
  const Operand &a, &b;
  const Numbers &left, &right;
  int64_t m, n, k;
  bool half;
  const CancelScope* scope = CancelScope::current();

  bool cancelled() const { return scope && scope->cancelled(); }

  Panel<T> left_of(int64_t pair, int64_t row, int64_t at, int64_t rows,
                   int64_t depth) const {
    Shape matrices = {a.array.shape(0)};
    return {a, a.offset(left[pair], matrices, row, at), rows, depth};
  }
  Panel<T> right_of(int64_t matrix, int64_t at, int64_t column, int64_t depth,
                    int64_t columns) const {
    Shape matrices = {b.array.shape(0)};
    return {b, b.offset(matrix, matrices, at, column), depth, columns};
  }

  // Each result by itself: the sum over the pairs in its group.
  void by_result(const Groups& groups, Array& out) const {
    int64_t results = out.shape(0);
    Plan plan(results, m, n, k, half, false);
    int64_t each = std::max<int64_t>(1, std::ssize(left) / results);
    parallel_for(plan.tiles(), std::max<int64_t>(1, plan.grain() / each),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t i = begin; i < end; ++i) {
                     add_tile(plan, i, groups, out);
                   }
                 });
  }

  void add_tile(const Plan& plan, int64_t i, const Groups& groups,
                Array& out) const {
    int64_t result = i / plan.per_matrix();
    auto [row, column] = plan.place(i % plan.per_matrix());
    row *= plan.tile_m;
    column *= plan.tile_n;
    int64_t rows = std::min(plan.tile_m, m - row);
    int64_t columns = std::min(plan.tile_n, n - column);
    T* to = out.data<T>() + (result * m + row) * n + column;
    for (int64_t r = 0; r < rows; ++r) std::fill_n(to + r * n, columns, T(0));
    int64_t begin = groups.begin[result], end = groups.begin[result + 1];
    int64_t together = k <= kThin ? std::max<int64_t>(1, kHalfDepth / k) : 1;
    if (together == 1 || end - begin == 1) {
      for (; begin < end && !cancelled(); ++begin) {
        int64_t pair = groups.pairs[begin];
        for (int64_t at = 0; at < k; at += plan.tile_k) {
          int64_t depth = std::min(plan.tile_k, k - at);
          Panel<T> x = left_of(pair, row, at, rows, depth);
          Panel<T> y = right_of(right[pair], at, column, depth, columns);
          multiply_tile<T>(rows, columns, depth, 1, *x, *y, 1, to, n);
        }
      }
      return;
    }
    // Thin ones side by side: one product that is deep.
    together = std::min(together, end - begin);
    BufferPtr room = allocator::allocate(together * k * (rows + columns) *
                                         static_cast<int64_t>(sizeof(T)));
    for (; begin < end && !cancelled(); begin += together) {
      int64_t count = std::min(together, end - begin);
      T* x = static_cast<T*>(room->data);
      T* y = x + together * k * rows;
      const T *from_x = x, *from_y = y;
      for (int64_t j = begin; j < begin + count; ++j) {
        int64_t pair = groups.pairs[j];
        x = copy_lines(*left_of(pair, row, 0, rows, k), true, k, rows, x);
        y = copy_lines(*right_of(right[pair], 0, column, k, columns), false, k,
                       columns, y);
      }
      blas::gemm(rows, columns, count * k, T(1),
                 {from_x, static_cast<int>(rows), true},
                 {from_y, static_cast<int>(columns), false}, T(1), to, n);
    }
  }

  // The product of each pair, (pairs, m, n): all that meet one right matrix at
  // once, as one tall matrix.
  void by_right(Array& products) const {
    Groups groups(right, b.array.shape(0));
    struct Task {
      int64_t matrix, begin, end, column;
    };
    std::vector<Task> tasks;
    int64_t together = std::max<int64_t>(1, kTileLength / m);
    for (int64_t g = 0; g < b.array.shape(0); ++g) {
      int64_t last = groups.begin[g + 1];
      for (int64_t i = groups.begin[g]; i < last; i += together) {
        for (int64_t column = 0; column < n; column += kTileLength) {
          tasks.push_back({g, i, std::min(last, i + together), column});
        }
      }
    }
    int64_t work = std::max<int64_t>(
        1, std::ssize(right) * m * n * k / std::max<int64_t>(1, tasks.size()));
    parallel_for(std::ssize(tasks), std::max<int64_t>(1, kWorth / work),
                 [&](int64_t begin, int64_t end) {
                   for (; begin < end; ++begin) {
                     const Task& task = tasks[begin];
                     multiply_group(groups, task.matrix, task.begin, task.end,
                                    task.column, products);
                   }
                 });
  }

  void multiply_group(const Groups& groups, int64_t matrix, int64_t begin,
                      int64_t end, int64_t column, Array& products) const {
    int64_t rows = (end - begin) * m;
    int64_t columns = std::min(kTileLength, n - column);
    int64_t depth = std::min<int64_t>(k, kHalfDepth);
    BufferPtr room = allocator::allocate(rows * (depth + columns) *
                                         static_cast<int64_t>(sizeof(T)));
    T* tall = static_cast<T*>(room->data);
    T* product = tall + rows * depth;
    for (int64_t at = 0; at < k; at += depth) {
      int64_t count = std::min(depth, k - at);
      T* to = tall;
      for (int64_t i = begin; i < end; ++i) {
        to = copy_lines(*left_of(groups.pairs[i], 0, at, m, count), false, m,
                        count, to);
      }
      Panel<T> y = right_of(matrix, at, column, count, columns);
      multiply_tile<T>(rows, columns, count, 1,
                       {tall, static_cast<int>(count), false}, *y,
                       at == 0 ? T(0) : T(1), product, columns);
    }
    for (int64_t i = begin; i < end; ++i) {
      T* to = products.data<T>() + groups.pairs[i] * m * n + column;
      for (int64_t r = 0; r < m; ++r, product += columns) {
        std::copy_n(product, columns, to + r * n);
      }
    }
  }
};

// The sums of the products that belong to each result, in their order.
template <class T>
void add_up(const Groups& groups, const Array& products, Array& out) {
  int64_t each = out.size() / out.shape(0);
  parallel_for(out.shape(0), grain_of(out.shape(0), kChunk / each + 1),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   T* to = out.data<T>() + i * each;
                   std::fill_n(to, each, T(0));
                   for (int64_t j = groups.begin[i]; j < groups.begin[i + 1];
                        ++j) {
                     const T* x = products.data<T>() + groups.pairs[j] * each;
                     for (int64_t e = 0; e < each; ++e) to[e] += x[e];
                   }
                 }
               });
}

bool counts_up(const Numbers& numbers, int64_t count) {
  for (int64_t i = 0; i < std::ssize(numbers); ++i) {
    if (numbers[i] != i) return false;
  }
  return std::ssize(numbers) == count;
}

template <class T>
void run(const Pairs<T>& pairs, const Numbers& to, Array& out) {
  int64_t results = out.shape(0), m = pairs.m, k = pairs.k;
  bool once = counts_up(to, results);
  bool side_by_side = !once && k <= kThin && k <= m;
  if (m > kThin || side_by_side) {
    return pairs.by_result(Groups(to, results), out);
  }
  if (once) return pairs.by_right(out);
  Array products = Array::empty({std::ssize(to), m, pairs.n}, out.dtype());
  pairs.by_right(products);
  add_up<T>(Groups(to, results), products, out);
}

}  // namespace

void CpuBackend::gather_matmul(const char* name, const Inputs& in, Array& out) {
  const Array &a = in[0], &b = in[1];
  Numbers left = numbers_of(name, in[2], a);
  Numbers right = numbers_of(name, in[3], b);
  Numbers to = numbers_of(name, in[4], out);
  if (out.size() == 0) return;
  if (left.empty() || a.size() == 0) return fill({0, 0}, out);
  if (is_half(out.dtype())) {
    Array wide = Array::empty(out.shape(), Dtype::float32);
    gather_matmul(name, in, wide);
    return copy(wide, out);
  }
  int64_t m = out.shape(1), n = out.shape(2);
  require<MemoryError>(n <= INT_MAX, name, ": rows of the result must be ",
                       "shorter than 2^31, got ", n);
  Operand x(*this, a), y(*this, b);
  bool half = is_half(a.dtype());
  if (out.dtype() == Dtype::float64) {
    run(Pairs<double>{x, y, left, right, m, n, a.shape(2), half}, to, out);
  } else {
    run(Pairs<float>{x, y, left, right, m, n, a.shape(2), half}, to, out);
  }
}

}  // namespace ingot::cpu
