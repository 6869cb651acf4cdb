// Reductions on the CPU. Few outputs: the elements of each are cut into chunks
// whose results are put together in order. Many: blocks of outputs, each done
// at once.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/sweep.h"

namespace ingot::cpu {
namespace {

// Accumulators of one block of outputs, of any type.
struct Accumulators {
  alignas(64) unsigned char bytes[kSweepOutputs * 8];
};
struct Centers {
  double values[kSweepOutputs];
};

template <class T>
T lowest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
}
template <class T>
T highest() {
  using Limits = std::numeric_limits<T>;
  return Limits::has_infinity ? Limits::infinity() : Limits::max();
}

// Calls f with the C++ type of an accumulator, which is no half type.
template <class F>
void by_type(Dtype dtype, F&& f) {
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_arithmetic_v<T>) f(tag);
  });
}

void set_identity(Pass pass, Dtype type, void* to, int64_t n) {
  by_type(type, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T value = pass == Pass::max    ? lowest<T>()
              : pass == Pass::min  ? highest<T>()
              : pass == Pass::prod ? T(1)
                                   : T(0);
    std::fill_n(static_cast<T*>(to), n, value);
  });
}

// The type that elements are folded in. Means of integers are exact in double
// far beyond float32.
Dtype compute_of(ReduceOp op, Dtype x) {
  if (op == ReduceOp::all || op == ReduceOp::any) return Dtype::bool_;
  bool averages =
      op == ReduceOp::mean || op == ReduceOp::var || op == ReduceOp::std;
  return averages && !is_floating(x) ? Dtype::float64 : compute_type(x);
}

SmallVector<Pass, 2> passes_of(ReduceOp op) {
  switch (op) {
    case ReduceOp::sum:
    case ReduceOp::mean:
      return {Pass::sum};
    case ReduceOp::prod:
      return {Pass::prod};
    case ReduceOp::max:
    case ReduceOp::any:
      return {Pass::max};
    case ReduceOp::min:
    case ReduceOp::all:
      return {Pass::min};
    case ReduceOp::var:
    case ReduceOp::std:
      return {Pass::sum, Pass::deviations};
    default:
      return {Pass::max, Pass::exponentials};
  }
}

void convert(const void* from, Dtype type, void* to, Dtype target, int64_t n) {
  const Kernels& k = kernels();
  if (type == target) {
    std::memcpy(to, from, n * size_of(type));
  } else if (is_half(target) && type == Dtype::float64) {
    std::vector<float> middle(n);
    convert(from, type, middle.data(), Dtype::float32, n);
    convert(middle.data(), Dtype::float32, to, target, n);
  } else {
    k.convert[static_cast<int>(type)][static_cast<int>(target)](from, to, n);
  }
}

class Reducer {
 public:
  Reducer(const Reduction& what, const Array& x, Array& out)
      : what_(what),
        compute_(compute_of(what.op, x.dtype())),
        passes_(passes_of(what.op)),
        sweep_(x, what.axes, compute_),
        out_(out.data<char>()),
        out_type_(out.dtype()) {}

  void run() const {
    if (sweep_.reduced_chunk() < sweep_.reduced()) return run_split();
    int64_t chunk = sweep_.output_chunk();
    int64_t block = chunk * std::max<int64_t>(sweep_.reduced(), 1);
    int64_t grain = std::max<int64_t>(1, kChunk / block) * chunk;
    bool small = sweep_.outputs() * sweep_.reduced() < kParallel;
    parallel_for(sweep_.outputs(), small ? sweep_.outputs() : grain,
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; o += chunk) {
                     whole(o, std::min(o + chunk, end));
                   }
                 });
  }

 private:
  Dtype type_of(Pass pass) const { return accumulator_of(pass, compute_); }

  // Folds elements [r0, r1) of outputs [o0, o1) into `to`.
  void fold(Pass pass, int64_t o0, int64_t o1, int64_t r0, int64_t r1, void* to,
            const double* centers) const {
    const Kernels& k = kernels();
    auto& table = sweep_.by_rows() ? k.rows : k.columns;
    auto kernel = table[static_cast<int>(pass)][static_cast<int>(compute_)];
    int64_t size = size_of(type_of(pass));
    set_identity(pass, type_of(pass), to, o1 - o0);
    if (r0 == r1) return;
    sweep_.tiles(o0, o1, r0, r1, [&](const Lines& x) {
      kernel(x.data, x.stride, x.lines, x.n,
             static_cast<char*>(to) + x.output * size,
             centers ? centers + x.output : nullptr);
    });
  }

  // Every pass over one block of outputs.
  void whole(int64_t o0, int64_t o1) const {
    Accumulators folded;
    Centers centers;
    const double* given = nullptr;
    for (Pass pass : passes_) {
      fold(pass, o0, o1, 0, sweep_.reduced(), folded.bytes, given);
      if (pass == passes_.back()) break;
      center(pass, folded.bytes, o1 - o0, centers.values);
      given = centers.values;
    }
    finish(o0, o1, folded.bytes, given);
  }

  void run_split() const {
    int64_t outputs = sweep_.outputs(), reduced = sweep_.reduced();
    int64_t oc = sweep_.output_chunk(), rc = sweep_.reduced_chunk();
    int64_t parts = (reduced + rc - 1) / rc;
    int64_t blocks = (outputs + oc - 1) / oc;
    auto partials = std::make_unique_for_overwrite<double[]>(parts * outputs);
    std::vector<double> centers;
    for (Pass pass : passes_) {
      int64_t size = size_of(type_of(pass));
      char* base = reinterpret_cast<char*>(partials.get());
      const double* given = centers.empty() ? nullptr : centers.data();
      parallel_for(blocks * parts, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) {
          int64_t o0 = i / parts * oc, part = i % parts;
          fold(pass, o0, std::min(o0 + oc, outputs), part * rc,
               std::min((part + 1) * rc, reduced),
               base + (part * outputs + o0) * size,
               given ? given + o0 : nullptr);
        }
      });
      bool last = pass == passes_.back();
      std::vector<double> next(last ? 0 : outputs);
      parallel_for(outputs, oc, [&](int64_t o0, int64_t o1) {
        Accumulators folded;
        merge(pass, base + o0 * size, parts, o1 - o0, folded.bytes);
        if (!last) center(pass, folded.bytes, o1 - o0, next.data() + o0);
        if (last) finish(o0, o1, folded.bytes, given ? given + o0 : nullptr);
      });
      centers = std::move(next);
    }
  }

  // Puts the results of `parts` chunks together, in order.
  void merge(Pass pass, const char* partials, int64_t parts, int64_t n,
             void* to) const {
    bool adds = pass == Pass::deviations || pass == Pass::exponentials;
    Pass as = adds ? Pass::sum : pass;
    Dtype type = type_of(pass);
    set_identity(pass, type, to, n);
    kernels().columns[static_cast<int>(as)][static_cast<int>(type)](
        partials, sweep_.outputs(), parts, n, to, nullptr);
  }

  // What the second pass measures from: the mean, or the largest element.
  void center(Pass pass, const void* folded, int64_t n, double* to) const {
    if (pass == Pass::sum) {
      auto* sums = static_cast<const double*>(folded);
      double count = static_cast<double>(sweep_.reduced());
      for (int64_t i = 0; i < n; ++i) to[i] = sums[i] / count;
    } else {
      convert(folded, compute_, to, Dtype::float64, n);
    }
  }

  // Turns accumulators into results.
  void finish(int64_t o0, int64_t o1, void* folded,
              const double* centers) const {
    auto* values = static_cast<double*>(folded);
    int64_t n = o1 - o0;
    double count = static_cast<double>(sweep_.reduced());
    double freedom = std::max(count - static_cast<double>(what_.ddof), 0.0);
    switch (what_.op) {
      case ReduceOp::mean:
        for (int64_t i = 0; i < n; ++i) values[i] /= count;
        break;
      case ReduceOp::var:
        for (int64_t i = 0; i < n; ++i) values[i] /= freedom;
        break;
      case ReduceOp::std:
        for (int64_t i = 0; i < n; ++i) {
          values[i] = std::sqrt(values[i] / freedom);
        }
        break;
      case ReduceOp::logsumexp:
        for (int64_t i = 0; i < n; ++i) {
          double c = centers[i];  // an infinite one is the result
          values[i] = std::isinf(c) ? c : c + std::log(values[i]);
        }
        break;
      default:
        break;
    }
    convert(folded, type_of(passes_.back()), out_ + o0 * size_of(out_type_),
            out_type_, n);
  }

  const Reduction& what_;
  Dtype compute_;
  SmallVector<Pass, 2> passes_;
  Sweep sweep_;
  char* out_;
  Dtype out_type_;
};

template <class T>
bool beats(ArgReduceOp op, T x, T best) {
  if (best != best) return false;
  return x != x || (op == ArgReduceOp::max ? x > best : x < best);
}

template <class T>
void arg_reduce_as(ArgReduceOp op, const Sweep& sweep, Dtype compute,
                   uint32_t* out) {
  const Kernels& k = kernels();
  auto& table = sweep.by_rows() ? k.arg_rows : k.arg_columns;
  auto kernel = table[static_cast<int>(op)][static_cast<int>(compute)];
  int64_t outputs = sweep.outputs(), reduced = sweep.reduced();
  int64_t oc = sweep.output_chunk(), rc = sweep.reduced_chunk();
  int64_t parts = (reduced + rc - 1) / rc;
  int64_t blocks = (outputs + oc - 1) / oc;
  T start = op == ArgReduceOp::max ? lowest<T>() : highest<T>();
  auto values = std::make_unique_for_overwrite<T[]>(parts * outputs);
  auto indices = std::make_unique_for_overwrite<uint32_t[]>(parts * outputs);
  int64_t grain = std::max<int64_t>(1, kChunk / (oc * rc));
  bool small = outputs * reduced < kParallel;
  parallel_for(blocks * parts, small ? blocks * parts : grain,
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   int64_t o0 = i / parts * oc, o1 = std::min(o0 + oc, outputs);
                   int64_t r0 = i % parts * rc, r1 = std::min(r0 + rc, reduced);
                   T* best = values.get() + i % parts * outputs + o0;
                   uint32_t* index = indices.get() + i % parts * outputs + o0;
                   std::fill_n(best, o1 - o0, start);
                   std::fill_n(index, o1 - o0, static_cast<uint32_t>(r0));
                   sweep.tiles(o0, o1, r0, r1, [&](const Lines& x) {
                     kernel(x.data, x.stride, x.lines, x.n, x.element,
                            best + x.output, index + x.output);
                   });
                 }
               });
  std::copy_n(indices.get(), outputs, out);
  for (int64_t part = 1; part < parts; ++part) {
    for (int64_t o = 0; o < outputs; ++o) {
      T value = values[part * outputs + o];
      if (!beats(op, value, values[o])) continue;
      values[o] = value;
      out[o] = indices[part * outputs + o];
    }
  }
}

}  // namespace

void CpuBackend::reduce(const Reduction& what, const Array& x, Array& out) {
  if (out.size() > 0) Reducer(what, x, out).run();
}

void CpuBackend::arg_reduce(ArgReduceOp op, const Array& x, int64_t axis,
                            Array& out) {
  if (out.size() == 0) return;
  Dtype compute = compute_type(x.dtype());
  Sweep sweep(x, {axis}, compute);
  by_type(compute, [&](auto tag) {
    using T = typename decltype(tag)::type;
    arg_reduce_as<T>(op, sweep, compute, out.data<uint32_t>());
  });
}

}  // namespace ingot::cpu
