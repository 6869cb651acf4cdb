// Scatter on the CPU. All indices are checked before anything is written, and
// each place is written in the order of the index positions: results do not
// depend on the number of threads.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>
#include <type_traits>

#include "csrc/cancel.h"
#include "csrc/cpu/backend.h"
#include "csrc/cpu/index.h"
#include "metal/math/complex.h"

namespace ingot::cpu {
namespace {

// to[i] op= from[i], of evenly spaced elements.
using Run = void (*)(const void* from, int64_t from_step, void* to,
                     int64_t to_step, int64_t n);

template <class To, class From>
To converted(From x) {
  if constexpr (std::is_same_v<To, From>) {
    return x;
  } else {
    return static_cast<To>(x);
  }
}

// Integers wrap; an integer divided by zero is zero.
template <ScatterOp op, class T>
T combined(T a, T b) {
  if constexpr (op == ScatterOp::assign) {
    return b;
  } else if constexpr (op == ScatterOp::max) {
    return a > b || a != a ? a : b;
  } else if constexpr (op == ScatterOp::min) {
    return a < b || a != a ? a : b;
  } else if constexpr (std::is_integral_v<T>) {
    auto x = static_cast<uint64_t>(a), y = static_cast<uint64_t>(b);
    if constexpr (op == ScatterOp::add) return static_cast<T>(x + y);
    if constexpr (op == ScatterOp::multiply) return static_cast<T>(x * y);
    if (y == 0) return T(0);
    if (y == ~uint64_t{0} && std::is_signed_v<T>) return static_cast<T>(0 - x);
    return static_cast<T>(a / b);
  } else {
    if constexpr (op == ScatterOp::add) return a + b;
    if constexpr (op == ScatterOp::multiply) return a * b;
    return a / b;
  }
}

template <ScatterOp op, class From, class To>
void run(const void* from, int64_t from_step, void* to, int64_t to_step,
         int64_t n) {
  auto* source = static_cast<const From*>(from);
  auto* target = static_cast<To*>(to);
  for (int64_t i = 0; i < n; ++i) {
    To& x = target[i * to_step];
    x = combined<op>(x, converted<To>(source[i * from_step]));
  }
}

// Half types combine in a float32 row.
template <class T>
using Wide =
    std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, Bfloat16>,
                       float, T>;

Run run_of(ScatterOp op, Dtype dtype) {
  if (op == ScatterOp::assign) {
    Run move = nullptr;
    by_width(size_of(dtype), [&](auto tag) {
      using T = typename decltype(tag)::type;
      move = run<ScatterOp::assign, T, T>;
    });
    return move;
  }
  return dispatch(dtype, [op](auto tag) -> Run {
    using T = typename decltype(tag)::type;
    if (op == ScatterOp::add) return run<ScatterOp::add, T, Wide<T>>;
    if (op == ScatterOp::multiply) return run<ScatterOp::multiply, T, Wide<T>>;
    if (op == ScatterOp::divide) return run<ScatterOp::divide, T, Wide<T>>;
    if constexpr (is_complex_type<T>) {
      return nullptr;  // refused before
    } else {
      return op == ScatterOp::max ? run<ScatterOp::max, T, Wide<T>>
                                  : run<ScatterOp::min, T, Wide<T>>;
    }
  });
}

// Between a half type and float32.
Run widening(Dtype half) {
  return half == Dtype::float16 ? run<ScatterOp::assign, Half, float>
                                : run<ScatterOp::assign, Bfloat16, float>;
}
Run narrowing(Dtype half) {
  return half == Dtype::float16 ? run<ScatterOp::assign, float, Half>
                                : run<ScatterOp::assign, float, Bfloat16>;
}

constexpr int kParts = 16;

int part_of(int64_t offset) {
  return static_cast<int>(static_cast<uint64_t>(offset) *
                              0x9E3779B97F4A7C15ull >>  // 2^64 / golden ratio
                          60);
}

class Scatterer {
 public:
  Scatterer(const Scatter& what, const Inputs& in, Array& out)
      : updates_(in.back()),
        out_(out),
        itemsize_(out.itemsize()),
        half_(is_half(out.dtype()) && what.op != ScatterOp::assign),
        overlap_(overlap(what)),
        run_(run_of(what.op, out.dtype())),
        window_(tail(updates_.shape(), out.ndim()), out.strides(),
                tail(updates_.strides(), out.ndim())),
        positions_(head(updates_.shape(), out.ndim()),
                   head(updates_.strides(), out.ndim()),
                   head(updates_.strides(), out.ndim())),
        offsets_(Places(what, out, in).read_all()) {}

  void write(Interrupt interrupt) {
    int64_t n = std::ssize(offsets_);
    bool serial =
        overlap_ || window_.size() < 16 || n < kParallel / window_.size();
    if (serial) {
      std::vector<int64_t> order(half_ ? n : 0);
      std::iota(order.begin(), order.end(), 0);
      if (half_) return write_wide(order.data(), order.data() + n);
      for (int64_t i = 0; i < n; ++i) {
        if (i % kChunk == 0 && interrupt == Interrupt::yes)
          throw_if_cancelled();
        combine(i);
      }
      return;
    }
    int64_t begin[kParts + 1];
    std::vector<int64_t> order = partition(begin);
    auto work = [&](int64_t first, int64_t last) {
      for (int64_t part = first; part < last; ++part) {
        int64_t* from = order.data() + begin[part];
        int64_t* to = order.data() + begin[part + 1];
        if (half_) {
          write_wide(from, to);
        } else {
          for (int64_t* i = from; i < to; ++i) combine(*i);
        }
      }
    };
    parallel_for(kParts, 1, work, interrupt);
  }

 private:
  // The last `n` entries, and those before them.
  static Shape tail(const Shape& shape, int64_t n) {
    return Shape(shape.end() - n, shape.end());
  }
  static Shape head(const Shape& shape, int64_t n) {
    return Shape(shape.begin(), shape.end() - n);
  }
  // Whether windows at different places may share elements.
  static bool overlap(const Scatter& what) {
    for (int64_t axis : what.axes) {
      if (what.windows[axis] > 1) return true;
    }
    return false;
  }

  // Index positions by destination, in their order within each part.
  std::vector<int64_t> partition(int64_t* begin) const {
    std::fill_n(begin, kParts + 1, 0);
    for (int64_t offset : offsets_) ++begin[part_of(offset) + 1];
    for (int i = 0; i < kParts; ++i) begin[i + 1] += begin[i];
    int64_t next[kParts];
    std::copy_n(begin, kParts, next);
    std::vector<int64_t> order(offsets_.size());
    for (int64_t i = 0; i < std::ssize(offsets_); ++i) {
      order[next[part_of(offsets_[i])]++] = i;
    }
    return order;
  }

  char* target(int64_t offset) const {
    return out_.data<char>() + offset * itemsize_;
  }
  const char* source(int64_t offset) const {
    return updates_.data<const char>() + offset * itemsize_;
  }

  void combine(int64_t i) const {
    int64_t to = offsets_[i], from = positions_.offset_b(i);
    window_.runs([&](int64_t a, int64_t b, int64_t n) {
      run_(source(from + b), window_.step_b(), target(to + a), window_.step_a(),
           n);
    });
  }

  // Each window is widened once, takes all of its updates, and is rounded once.
  void write_wide(int64_t* begin, int64_t* end) const {
    std::sort(begin, end, [&](int64_t i, int64_t j) {
      return offsets_[i] != offsets_[j] ? offsets_[i] < offsets_[j] : i < j;
    });
    Run widen = widening(out_.dtype()), narrow = narrowing(out_.dtype());
    std::vector<float> row(window_.size());
    while (begin < end) {
      int64_t to = offsets_[*begin];
      float* x = row.data();
      window_.runs([&](int64_t a, int64_t, int64_t n) {
        widen(target(to + a), window_.step_a(), x, 1, n);
        x += n;
      });
      for (; begin < end && offsets_[*begin] == to; ++begin) {
        int64_t from = positions_.offset_b(*begin);
        x = row.data();
        window_.runs([&](int64_t, int64_t b, int64_t n) {
          run_(source(from + b), window_.step_b(), x, 1, n);
          x += n;
        });
      }
      x = row.data();
      window_.runs([&](int64_t a, int64_t, int64_t n) {
        narrow(x, 1, target(to + a), window_.step_a(), n);
        x += n;
      });
    }
  }

  const Array& updates_;
  Array& out_;
  int64_t itemsize_;
  bool half_, overlap_;
  Run run_;
  Grid window_;     // in out and in updates
  Grid positions_;  // in updates
  std::vector<int64_t> offsets_;
};

// The part of put_along_axis between two values of the axes before the axis.
struct Block {
  const Places& places;
  const Reader& values;
  int64_t begin, end;   // of the index positions
  int64_t start, size;  // of the elements of out

  // Calls f(values, offsets, n) for tiles of it.
  template <class F>
  void tiles(F&& f) const {
    for (int64_t at = begin; at < end; at += kTile) {
      int64_t n = std::min(kTile, end - at);
      int64_t offsets[kTile];
      Scratch scratch;
      places.read(at, n, offsets);
      f(values.read(at, n, scratch), offsets, n);
    }
  }

  template <class T>
  void assign(T* out) const {
    tiles([&](const void* from, const int64_t* offsets, int64_t n) {
      auto* x = static_cast<const T*>(from);
      for (int64_t i = 0; i < n; ++i) out[offsets[i]] = x[i];
    });
  }

  // Half types are summed in a float32 copy of the block.
  template <class T>
  void add(T* out) const {
    std::vector<float> wide;
    if constexpr (!std::is_same_v<T, Wide<T>>) {
      for (int64_t i = 0; i < size; ++i) {
        wide.push_back(static_cast<float>(out[start + i]));
      }
    }
    tiles([&](const void* from, const int64_t* offsets, int64_t n) {
      auto* x = static_cast<const T*>(from);
      for (int64_t i = 0; i < n; ++i) {
        if constexpr (std::is_same_v<T, Wide<T>>) {
          T& y = out[offsets[i]];
          y = combined<ScatterOp::add>(y, x[i]);
        } else {
          wide[offsets[i] - start] += static_cast<float>(x[i]);
        }
      }
    });
    if constexpr (!std::is_same_v<T, Wide<T>>) {
      for (int64_t i = 0; i < size; ++i) out[start + i] = T(wide[i]);
    }
  }
};

}  // namespace

void CpuBackend::scatter(const Scatter& what, const Inputs& in, Array& out) {
  if (in[1].size() == 0) return;
  Scatterer scatterer(what, in, out);
  if (in.back().size() == 0) return;
  // Stopped half-way, a second try would combine twice.
  bool own = in[0]->buffer != out->buffer;
  scatterer.write(own ? Interrupt::yes : Interrupt::no);
}

void CpuBackend::put_along_axis(int64_t axis, bool add, const Array& indices,
                                const Array& values, Array& out) {
  if (indices.size() == 0) return;
  Places places(add ? "add_along_axis" : "put_along_axis", out, indices, axis);
  places.check();
  Reader reader(values);
  const Shape& shape = out.shape();
  int64_t blocks = product(Shape(shape.begin(), shape.begin() + axis));
  int64_t count = indices.size() / blocks, size = out.size() / blocks;
  // Not interrupted: `out` may be memory that was handed over.
  auto write = [&](auto&& write_block) {
    int64_t grain = std::max<int64_t>(1, kChunk / std::max(count, size));
    parallel_for(
        blocks, grain,
        [&](int64_t first, int64_t last) {
          for (int64_t i = first; i < last; ++i) {
            write_block(Block{places, reader, i * count, (i + 1) * count,
                              i * size, size});
          }
        },
        Interrupt::no);
  };
  if (!add) {
    by_width(out.itemsize(), [&](auto tag) {
      auto* to = out.data<typename decltype(tag)::type>();
      write([to](const Block& block) { block.assign(to); });
    });
  } else {
    dispatch(out.dtype(), [&](auto tag) {
      auto* to = out.data<typename decltype(tag)::type>();
      write([to](const Block& block) { block.add(to); });
    });
  }
}

}  // namespace ingot::cpu
