// Gather on the CPU: windows are copied whole, positions run in parallel.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/index.h"

#include <cstring>
#include <type_traits>

#include "csrc/cpu/backend.h"

namespace ingot::cpu {
namespace {

// Adds to offsets[i] that of the place which index i names.
template <class T>
void add_offsets(const void* indices, int64_t n, const IndexedAxis& axis,
                 int64_t* offsets) {
  auto* index = static_cast<const T*>(indices);
  int64_t places = axis.size - axis.window + 1;
  for (int64_t i = 0; i < n; ++i) {
    auto place = static_cast<uint64_t>(index[i]);
    if constexpr (std::is_signed_v<T>) {
      if (index[i] < 0) place += static_cast<uint64_t>(axis.size);
    }
    if (place >= static_cast<uint64_t>(places)) [[unlikely]] {
      int64_t low = axis.window > 1 ? 0 : -axis.size;
      throw IndexError(cat(axis.name, ": index must be in [", low, ", ", places,
                           ") along axis ", axis.axis, ", got ", +index[i]));
    }
    offsets[i] += static_cast<int64_t>(place) * axis.stride;
  }
}

}  // namespace

void Places::add_axis(const char* name, const Array& target,
                      const Array& indices, int64_t axis, int64_t window) {
  auto add = dispatch(indices.dtype(), [](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_integral_v<T>) return &add_offsets<T>;
    return &add_offsets<int64_t>;  // other types are refused before
  });
  axes_.push_back({Reader(indices), add, name, axis, target.shape(axis), window,
                   target.strides()[axis]});
}

void Places::read(int64_t begin, int64_t n, int64_t* offsets) const {
  std::fill_n(offsets, n, 0);
  for (const Walk& walk : others_) {
    int64_t* to = offsets;
    walk.runs(begin, begin + n, [&](int64_t offset, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        *to++ = offset + i * walk.inner_stride();
      }
    });
  }
  for (const IndexedAxis& axis : axes_) {
    Scratch scratch;
    axis.add(axis.reader.read(begin, n, scratch), n, axis, offsets);
  }
}

std::vector<int64_t> Places::read_all() const {
  std::vector<int64_t> offsets(count_);
  tiles(1, [&](int64_t at, int64_t n) { read(at, n, offsets.data() + at); });
  return offsets;
}

void Places::check() const {
  tiles(1, [&](int64_t at, int64_t n) {
    int64_t offsets[kTile];
    read(at, n, offsets);
  });
}

void CpuBackend::gather(const Gather& what, const Inputs& in, Array& out) {
  const Array& x = in[0];
  Places places(what, x, in);
  Shape shape(what.windows.begin(), what.windows.end());
  Grid window(shape, x.strides(), contiguous_strides(shape));
  by_width(x.itemsize(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* from = x.data<const T>();
    auto* to = out.data<T>();
    places.tiles(window.size(), [&](int64_t at, int64_t n) {
      int64_t offsets[kTile];
      places.read(at, n, offsets);
      T* target = to + at * window.size();
      if (window.size() == 1) {
        for (int64_t i = 0; i < n; ++i) target[i] = from[offsets[i]];
        return;
      }
      for (int64_t i = 0; i < n; ++i, target += window.size()) {
        window.runs([&](int64_t a, int64_t b, int64_t count) {
          const T* source = from + offsets[i] + a;
          if (window.step_a() == 1) {
            std::memcpy(target + b, source, count * sizeof(T));
          } else {
            for (int64_t j = 0; j < count; ++j) {
              target[b + j] = source[j * window.step_a()];
            }
          }
        });
      }
    });
  });
}

void CpuBackend::take_along_axis(int64_t axis, const Array& x,
                                 const Array& indices, Array& out) {
  if (out.size() == 0) return;
  Places places("take_along_axis", x, indices, axis);
  by_width(x.itemsize(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    auto* from = x.data<const T>();
    auto* to = out.data<T>();
    places.tiles(1, [&](int64_t at, int64_t n) {
      int64_t offsets[kTile];
      places.read(at, n, offsets);
      for (int64_t i = 0; i < n; ++i) to[at + i] = from[offsets[i]];
    });
  });
}

}  // namespace ingot::cpu
