// Loops of the scans. Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/kernels/types.h"
#include "csrc/cpu/simd.h"
#include "metal/math.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

// What elements are kept as: unsigned where sums and products of integers wrap,
// double for floats.
template <class T>
struct Kept {
  typedef T element;
  typedef uint32_t state;
};
template <>
struct Kept<uint64_t> {
  typedef uint64_t element, state;
};
template <>
struct Kept<int64_t> {
  typedef uint64_t element, state;
};
template <>
struct Kept<float> {
  typedef float element;
  typedef double state;
};
template <>
struct Kept<double> {
  typedef double element, state;
};
template <>
struct Kept<int8_t> : Kept<uint8_t> {};
template <>
struct Kept<int16_t> : Kept<uint16_t> {};
template <>
struct Kept<int32_t> : Kept<uint32_t> {};

// Folds: the state of no elements, of one, of two neighbouring runs, and what
// it comes to.
template <class T, class A>
struct Sum {
  typedef A State;
  INGOT_FN A none() { return A(0); }
  INGOT_FN A of(T x) { return static_cast<A>(x); }
  INGOT_FN A join(A a, A b) { return a + b; }
  INGOT_FN T value(A a) { return static_cast<T>(a); }
};
template <class T, class A>
struct Prod : Sum<T, A> {
  INGOT_FN A none() { return A(1); }
  INGOT_FN A join(A a, A b) { return a * b; }
};

template <class T>
constexpr T kLargest =
    T(-1) < T(1) ? T((uint64_t(1) << (8 * sizeof(T) - 1)) - 1) : T(-1);
template <>
constexpr float kLargest<float> = __builtin_inff();
template <>
constexpr double kLargest<double> = __builtin_inf();
template <class T>
constexpr T kLeast = T(-1) < T(1) ? T(-kLargest<T> - 1) : T(0);
template <>
constexpr float kLeast<float> = -__builtin_inff();
template <>
constexpr double kLeast<double> = -__builtin_inf();

// The shim's max and min keep NaN, and the later of equal numbers.
template <class T>
struct Max {
  typedef T State;
  INGOT_FN T none() { return kLeast<T>; }
  INGOT_FN T of(T x) { return x; }
  INGOT_FN T join(T a, T b) { return max(a, b); }
  INGOT_FN T value(T a) { return a; }
};
template <class T>
struct Min : Max<T> {
  INGOT_FN T none() { return kLargest<T>; }
  INGOT_FN T join(T a, T b) { return min(a, b); }
};

// The largest element, and the sum of e^x over all, measured from it.
template <class T>
struct LogSumExp {
  struct State {
    double top, sum;
  };
  INGOT_FN State none() { return {kLeast<double>, 0}; }
  INGOT_FN State of(T x) { return {x, 1}; }
  INGOT_FN State join(State a, State b) {
    bool first = a.top >= b.top;
    double low = first ? b.top : a.top, top = first ? a.top : b.top;
    double shrink = math::exp(where(low == top, 0.0, low - top));
    return {top, first ? a.sum + b.sum * shrink : a.sum * shrink + b.sum};
  }
  INGOT_FN T value(State a) { return static_cast<T>(a.top + math::log(a.sum)); }
};

enum class Mode { inclusive, exclusive, advance };

// One element of one line.
template <class Fold, Mode mode, class T>
INGOT_FN void visit(T x, T* to, typename Fold::State& state) {
  typename Fold::State after = Fold::join(state, Fold::of(x));
  if constexpr (mode != Mode::advance) {
    *to = Fold::value(mode == Mode::inclusive ? after : state);
  }
  state = after;
}

// Neighbouring lines: the loop over them vectorises.
template <class Fold, Mode mode, class T>
void across(const T* x, T* to, const ScanLines& at,
            typename Fold::State* states) {
  for (int64_t i = 0; i < at.n; ++i) {
    int64_t offset = i * at.step;
    INGOT_IVDEP
    for (int64_t l = 0; l < at.lines; ++l) {
      visit<Fold, mode>(x[offset + l], to + offset + l, states[l]);
    }
  }
}

// Several lines at a time hide the latency of an addition. More would fall into
// the same sets of the cache where lines are a power of two apart.
constexpr int64_t kAbreast = 4;

template <class Fold, Mode mode, int64_t lines, class T>
INGOT_FN void along(const T* x, T* to, const ScanLines& at,
                    typename Fold::State* states) {
  typename Fold::State own[lines];
  for (int64_t l = 0; l < lines; ++l) own[l] = states[l];
  for (int64_t i = 0; i < at.n; ++i) {
    for (int64_t l = 0; l < lines; ++l) {
      int64_t offset = l * at.line_stride + i * at.step;
      visit<Fold, mode>(x[offset], to + offset, own[l]);
    }
  }
  for (int64_t l = 0; l < lines; ++l) states[l] = own[l];
}

template <class Fold, Mode mode, class T>
void each(const T* x, T* to, const ScanLines& at,
          typename Fold::State* states) {
  if (at.lines > 1 && at.line_stride == 1) {
    return across<Fold, mode>(x, to, at, states);
  }
  int64_t l = 0;
  for (; l + kAbreast <= at.lines; l += kAbreast) {
    int64_t offset = l * at.line_stride;
    along<Fold, mode, kAbreast>(x + offset, to + offset, at, states + l);
  }
  for (; l < at.lines; ++l) {
    int64_t offset = l * at.line_stride;
    along<Fold, mode, 1>(x + offset, to + offset, at, states + l);
  }
}

template <class Fold, class T>
void scan(const void* data, void* out, const ScanLines& at, void* states,
          bool inclusive) {
  auto* x = static_cast<const T*>(data);
  auto* to = static_cast<T*>(out);
  auto* own = static_cast<typename Fold::State*>(states);
  if (!out) return each<Fold, Mode::advance>(x, to, at, own);
  if (inclusive) return each<Fold, Mode::inclusive>(x, to, at, own);
  each<Fold, Mode::exclusive>(x, to, at, own);
}

template <class Fold>
void start(void* states, int64_t n) {
  auto* own = static_cast<typename Fold::State*>(states);
  for (int64_t i = 0; i < n; ++i) own[i] = Fold::none();
}

template <class Fold>
void carry(void* states, int64_t stride, int64_t blocks) {
  auto* own = static_cast<typename Fold::State*>(states);
  typename Fold::State before = Fold::none();
  for (int64_t b = 0; b < blocks; ++b) {
    typename Fold::State& block = own[b * stride];
    typename Fold::State after = Fold::join(before, block);
    block = before;
    before = after;
  }
}

template <class Fold, class T>
void set(Kernels& k, ScanOp op, Dtype dtype) {
  k.scan[static_cast<int>(op)][static_cast<int>(dtype)] = {
      int64_t(sizeof(typename Fold::State)), start<Fold>, scan<Fold, T>,
      carry<Fold>};
}

template <class T>
void fill_type(Kernels& k, Dtype dtype) {
  typedef typename Kept<T>::element E;
  typedef typename Kept<T>::state A;
  set<Sum<E, A>, E>(k, ScanOp::sum, dtype);
  set<Prod<E, A>, E>(k, ScanOp::prod, dtype);
  set<Max<T>, T>(k, ScanOp::max, dtype);
  set<Min<T>, T>(k, ScanOp::min, dtype);
}

template <class... T>
void fill_types(Kernels& k, Types<T...>) {
  (fill_type<T>(k, dtype_of<T>), ...);
}

}  // namespace

void fill_scan(Kernels& k) {
  fill_types(k, AllTypes());
  set<LogSumExp<float>, float>(k, ScanOp::logsumexp, Dtype::float32);
  set<LogSumExp<double>, double>(k, ScanOp::logsumexp, Dtype::float64);
}

}  // namespace ingot::cpu::INGOT_SIMD
