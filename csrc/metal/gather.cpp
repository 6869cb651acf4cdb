// Gather and take_along_axis on Metal: one kernel.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/places.h"

namespace ingot::metal {
namespace {

void run(Places& places, const Array& x, const Array& out) {
  places.run(pipeline("gather", "gather", {metal_word(x.itemsize())}),
             {{x}, {out, true}}, out.size());
}

}  // namespace

Array MetalBackend::as_indices(const Array& x) {
  if (x.dtype() == Dtype::int64) return contiguous(x);
  Array made = Array::empty(x.shape(), Dtype::int64);
  copy(x, made);
  return made;
}

void MetalBackend::gather(const Gather& what, const Inputs& in, Array& out) {
  const Array& x = in[0];
  bool supported = what.axes.size() <= kMaxIndexed && x.ndim() <= kMaxDims;
  for (int64_t k = 1; k < in.size(); ++k) supported &= fits(in[k]);
  if (!supported || what.axes.empty()) {
    Inputs all = in;
    all.push_back(out);
    return on_cpu("gather", all, [&](Backend& b) { b.gather(what, in, out); });
  }
  Places places(what.name);
  places.set_windows(what.windows, x);
  for (size_t k = 0; k < what.axes.size(); ++k) {
    int64_t axis = what.axes[k];
    places.index(axis, what.windows[static_cast<size_t>(axis)], x,
                 as_indices(in[static_cast<int64_t>(k) + 1]));
  }
  // Indices are checked also where their windows are empty.
  if (out.size() == 0) {
    places.find(in[1].size());
  } else {
    run(places, x, out);
  }
}

void MetalBackend::take_along_axis(int64_t axis, const Array& x,
                                   const Array& indices, Array& out) {
  if (!fits(indices) || x.ndim() > kMaxDims) {
    return on_cpu("take_along_axis", {x, indices, out}, [&](Backend& b) {
      b.take_along_axis(axis, x, indices, out);
    });
  }
  if (out.size() == 0) return;
  Places places("take_along_axis");
  places.count_along(axis, x, indices.shape());
  places.index(axis, 1, x, as_indices(indices));
  run(places, x, out);
}

}  // namespace ingot::metal
