// Attention on the CPU: BLAS on blocks of queries and of keys, whose bounds
// follow from the shape alone, with a running maximum and sum for each query
// (Milakov and Gimelshein 2018; Dao et al. 2022). Gradients compute the
// probabilities of a block anew.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>
#include <vector>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/blas.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu {
namespace {

// Of a block: its scores stay in the second-level cache.
constexpr int64_t kQueries = 64;
constexpr int64_t kKeys = 256;
// Multiplications that are worth a second thread.
constexpr int64_t kWorth = int64_t{1} << 20;
constexpr double kNothing = -std::numeric_limits<double>::infinity();

// What every block is told. `dims` are the leading ones, of the heads.
struct Sizes {
  Shape dims;
  int64_t heads, queries, keys, depth, values;

  explicit Sizes(const AttentionInputs& in)
      : dims(in.q.shape().begin(), in.q.shape().begin() + 3),
        heads(dims[0] * dims[1] * dims[2]),
        queries(in.q.shape(3)),
        keys(in.k.shape(3)),
        depth(in.q.shape(4)),
        values(in.v.shape(4)) {}

  // Blocks of queries of a head.
  int64_t blocks() const { return (queries + kQueries - 1) / kQueries; }
  // The keys, from the first one, that query i may see.
  int64_t visible(MaskKind mask, int64_t i) const {
    if (mask != MaskKind::causal) return keys;
    return std::clamp<int64_t>(i + 1 + keys - queries, 0, keys);
  }
};

// The first element of a head's matrix.
int64_t head_offset(int64_t head, const Shape& dims, const Strides& strides) {
  int64_t offset = 0;
  for (int d = 2; d >= 0; --d) {
    offset += head % dims[d] * strides[d];
    head /= dims[d];
  }
  return offset;
}

// A matrix for each head as BLAS reads it: where it is, or in a copy.
template <class T>
class Matrices {
 public:
  Matrices(Backend& backend, const Array& x) : array_(x), dims_(x.shape()) {
    if (!readable(x)) {
      Shape once = x.shape();  // what is repeated
      for (int d = 0; d < 3; ++d) {
        if (x.strides()[d] == 0) once[d] = 1;
      }
      array_ = Array::empty(once, dtype_of<T>);
      backend.copy(Array::view(x, once, x.strides()), array_);
    }
    strides_ = array_.strides();
    for (int d = 0; d < 3; ++d) {
      if (array_.shape(d) == 1) strides_[d] = 0;
    }
    bool row = x.shape(3) == 1;  // its stride may be anything
    ld_ = std::max<int64_t>(1, row ? x.shape(4) : strides_[3]);
  }

  // From a row on.
  blas::Matrix<const T> at(int64_t head, int64_t row,
                           bool transposed = false) const {
    const T* first = array_.data<T>() + head_offset(head, dims_, strides_);
    return {first + row * ld_, static_cast<int>(ld_), transposed};
  }

 private:
  static bool readable(const Array& x) {
    int64_t row = x.strides()[3];
    return x.dtype() == dtype_of<T> &&
           (x.shape(4) == 1 || x.strides()[4] == 1) &&
           (x.shape(3) == 1 || (row >= x.shape(4) && row <= INT_MAX));
  }

  Array array_;
  Shape dims_;
  Strides strides_;
  int64_t ld_;
};

// Scores of a block, rows of one after the other.
template <class T>
class Scores {
 public:
  Scores(Backend& backend, const Attention& what, const AttentionInputs& in)
      : what_(what),
        sizes_(in),
        mask_(in.mask),
        q_(backend, in.q),
        k_(backend, in.k) {}

  const Matrices<T>& q() const { return q_; }
  const Matrices<T>& k() const { return k_; }

  // Of `rows` queries from i on, and of `count` keys from j on.
  void compute(int64_t head, int64_t i, int64_t rows, int64_t j, int64_t count,
               T* scores) const {
    blas::gemm(rows, count, sizes_.depth, static_cast<T>(what_.scale),
               q_.at(head, i), k_.at(head, j, true), T(0), scores, count);
    for (int64_t r = 0; r < rows && what_.mask != MaskKind::none; ++r) {
      hide(head, i + r, j, count, scores + r * count);
    }
  }

 private:
  // From what query i sees.
  void hide(int64_t head, int64_t i, int64_t j, int64_t count, T* row) const {
    if (what_.mask == MaskKind::causal) {
      int64_t seen = sizes_.visible(what_.mask, i) - j;
      std::fill(row + std::clamp<int64_t>(seen, 0, count), row + count,
                static_cast<T>(kNothing));
      return;
    }
    const Strides& strides = mask_->strides();
    int64_t at = head_offset(head, sizes_.dims, strides) + i * strides[3] +
                 j * strides[4];
    int type = static_cast<int>(dtype_of<T>);
    if (what_.mask == MaskKind::boolean) {
      kernels().mask_boolean[type](row, mask_->data<bool>() + at, strides[4],
                                   count);
    } else {
      kernels().mask_additive[type](row, mask_->data<T>() + at, strides[4],
                                    count);
    }
  }

  Attention what_;
  Sizes sizes_;
  const Array* mask_;
  Matrices<T> q_, k_;
};

template <class T>
void divide(T* row, int64_t n, double total) {
  auto divisor = static_cast<T>(total);
  for (int64_t i = 0; i < n; ++i) row[i] = total == 0 ? T(0) : row[i] / divisor;
}

// A block of queries of one head; `to` and `lse` are of its first.
template <class T>
void attend(const Attention& what, const Sizes& sizes, const Scores<T>& scores,
            const Matrices<T>& v, int64_t head, int64_t i, T* room, T* to,
            T* lse) {
  int64_t rows = std::min(kQueries, sizes.queries - i), n = sizes.values;
  int64_t seen = sizes.visible(what.mask, i + rows - 1);
  double largest[kQueries], total[kQueries] = {};
  std::fill_n(largest, kQueries, kNothing);
  auto part = kernels().softmax_part[static_cast<int>(dtype_of<T>)];
  for (int64_t j = 0; j < seen; j += kKeys) {
    throw_if_cancelled();
    int64_t count = std::min(kKeys, seen - j);
    scores.compute(head, i, rows, j, count, room);
    for (int64_t r = 0; r < rows; ++r) {
      auto factor =
          static_cast<T>(part(room + r * count, count, &largest[r], &total[r]));
      if (j == 0 || factor == 1) continue;
      for (int64_t d = 0; d < n; ++d) to[r * n + d] *= factor;
    }
    blas::gemm(rows, n, count, T(1), {room, static_cast<int>(count), false},
               v.at(head, j), T(j == 0 ? 0 : 1), to, n);
  }
  for (int64_t r = 0; r < rows; ++r) {
    divide(to + r * n, n, total[r]);
    lse[r] = static_cast<T>(largest[r] + std::log(total[r]));
  }
}

template <class T>
void forward(Backend& backend, const Attention& what, const AttentionInputs& in,
             Array& out, Array& lse) {
  Sizes sizes(in);
  Scores<T> scores(backend, what, in);
  Matrices<T> v(backend, in.v);
  int64_t blocks = sizes.blocks();
  int64_t work = std::min(kQueries, sizes.queries) * sizes.keys *
                 (sizes.depth + sizes.values);
  int64_t grain = std::max<int64_t>(1, kWorth / std::max<int64_t>(work, 1));
  parallel_for(sizes.heads * blocks, grain, [&](int64_t block, int64_t end) {
    std::vector<T> room(kQueries * std::min(kKeys, sizes.keys));
    for (; block < end; ++block) {
      int64_t head = block / blocks, i = block % blocks * kQueries;
      int64_t row = head * sizes.queries + i;
      attend(what, sizes, scores, v, head, i, room.data(),
             out.data<T>() + row * sizes.values, lse.data<T>() + row);
    }
  });
}

// What the gradients of one head are written to; null where not wanted.
template <class T>
struct Slopes {
  T *q, *k, *v;
};

// All of one head.
template <class T>
class Backward {
 public:
  Backward(Backend& backend, const Attention& what, const AttentionInputs& in,
           const Array& lse, const Array& delta, const Array& cotangent)
      : what_(what),
        sizes_(in),
        scores_(backend, what, in),
        v_(backend, in.v),
        cotangent_(backend, cotangent),
        lse_(lse),
        delta_(delta) {}

  void run(int64_t head, const Slopes<T>& to) const {
    const Sizes& s = sizes_;
    if (to.q) std::fill_n(to.q, s.queries * s.depth, T(0));
    if (to.k) std::fill_n(to.k, s.keys * s.depth, T(0));
    if (to.v) std::fill_n(to.v, s.keys * s.values, T(0));
    std::vector<T> p(kQueries * std::min(kKeys, s.keys)), slopes(p.size());
    for (int64_t i = 0; i < s.queries; i += kQueries) {
      throw_if_cancelled();
      int64_t rows = std::min(kQueries, s.queries - i);
      int64_t seen = s.visible(what_.mask, i + rows - 1);
      for (int64_t j = 0; j < seen; j += kKeys) {
        int64_t count = std::min(kKeys, seen - j);
        probabilities(head, i, rows, j, count, p.data(), slopes.data());
        add(head, i, rows, j, count, p.data(), slopes.data(), to);
      }
    }
  }

 private:
  // Of a block, and the slopes of its scores.
  void probabilities(int64_t head, int64_t i, int64_t rows, int64_t j,
                     int64_t count, T* p, T* slopes) const {
    scores_.compute(head, i, rows, j, count, p);
    blas::gemm(rows, count, sizes_.values, T(1), cotangent_.at(head, i),
               v_.at(head, j, true), T(0), slopes, count);
    auto kernel = kernels().softmax_slope[static_cast<int>(dtype_of<T>)];
    const T* lse = lse_.data<T>() + head * sizes_.queries + i;
    const T* delta = delta_.data<T>() + head * sizes_.queries + i;
    for (int64_t r = 0; r < rows; ++r) {
      kernel(p + r * count, slopes + r * count, count, lse[r], delta[r]);
    }
  }

  void add(int64_t head, int64_t i, int64_t rows, int64_t j, int64_t count,
           const T* p, const T* slopes, const Slopes<T>& to) const {
    int64_t depth = sizes_.depth, values = sizes_.values;
    int ld = static_cast<int>(count);
    auto scale = static_cast<T>(what_.scale);
    if (to.q) {
      blas::gemm(rows, depth, count, scale, {slopes, ld, false},
                 scores_.k().at(head, j), T(1), to.q + i * depth, depth);
    }
    if (to.k) {
      blas::gemm(count, depth, rows, scale, {slopes, ld, true},
                 scores_.q().at(head, i), T(1), to.k + j * depth, depth);
    }
    if (to.v) {
      blas::gemm(count, values, rows, T(1), {p, ld, true},
                 cotangent_.at(head, i), T(1), to.v + j * values, values);
    }
  }

  Attention what_;
  Sizes sizes_;
  Scores<T> scores_;
  Matrices<T> v_, cotangent_;
  Array lse_, delta_;
};

template <class T>
void backward(Backend& backend, const Attention& what,
              const AttentionInputs& in, const Array& lse, const Array& delta,
              const Array& cotangent, const AttentionGradients& gradients) {
  Sizes sizes(in);
  Backward<T> all(backend, what, in, lse, delta, cotangent);
  auto slope = [](Array* x, int64_t first) {
    return x ? x->data<T>() + first : nullptr;
  };
  int64_t work = sizes.queries * sizes.keys * 2 * (sizes.depth + sizes.values);
  int64_t grain = std::max<int64_t>(1, kWorth / std::max<int64_t>(work, 1));
  parallel_for(sizes.heads, grain, [&](int64_t head, int64_t end) {
    for (; head < end; ++head) {
      int64_t q = head * sizes.queries, k = head * sizes.keys;
      all.run(head, {slope(gradients.q, q * sizes.depth),
                     slope(gradients.k, k * sizes.depth),
                     slope(gradients.v, k * sizes.values)});
    }
  });
}

// A result that is computed in another type: written to one of that type first.
class Widened {
 public:
  Widened(Array* out, Dtype compute) : out_(out) {
    if (!out) return;
    bool same = out->dtype() == compute;
    wide_ = same ? *out : Array::empty(out->shape(), compute);
  }
  Array* get() { return out_ ? &wide_ : nullptr; }
  void store(Backend& backend) {
    if (out_ && out_->dtype() != wide_.dtype()) backend.copy(wide_, *out_);
  }

 private:
  Array* out_;
  Array wide_;
};

// lse or delta in row-major order.
Array in_order(Backend& backend, const Array& x) {
  if (x.contiguous()) return x;
  Array made = Array::empty(x.shape(), x.dtype());
  backend.copy(x, made);
  return made;
}

}  // namespace

void CpuBackend::attention(const Attention& what, const AttentionInputs& in,
                           Array& out, Array& lse) {
  Widened wide(&out, lse.dtype());
  if (lse.dtype() == Dtype::float64) {
    forward<double>(*this, what, in, *wide.get(), lse);
  } else {
    forward<float>(*this, what, in, *wide.get(), lse);
  }
  wide.store(*this);
}

void CpuBackend::attention_vjp(const Attention& what, const AttentionInputs& in,
                               const Array& lse, const Array& delta,
                               const Array& cotangent,
                               const AttentionGradients& gradients) {
  Dtype compute = lse.dtype();
  Widened q(gradients.q, compute), k(gradients.k, compute),
      v(gradients.v, compute);
  Array rows = in_order(*this, lse), means = in_order(*this, delta);
  AttentionGradients wide = {q.get(), k.get(), v.get()};
  if (compute == Dtype::float64) {
    backward<double>(*this, what, in, rows, means, cotangent, wide);
  } else {
    backward<float>(*this, what, in, rows, means, cotangent, wide);
  }
  for (Widened* x : {&q, &k, &v}) x->store(*this);
}

}  // namespace ingot::cpu
