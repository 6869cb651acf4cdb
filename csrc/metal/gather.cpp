// Gather and take_along_axis on Metal: one kernel, which reports an index that
// is out of range; the error is raised when the work is done.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/upload.h"

namespace ingot::metal {
namespace {

// What errors say of an indexed axis.
struct Indexed {
  int64_t axis, size, window;
};

std::exception_ptr index_error(const char* name,
                               const std::vector<Indexed>& axes,
                               const uint32_t* fault) {
  const Indexed& a = axes[fault[1]];
  auto index = static_cast<int64_t>(uint64_t{fault[3]} << 32 | fault[2]);
  int64_t low = a.window > 1 ? 0 : -a.size;
  return std::make_exception_ptr(IndexError(
      cat(name, ": index must be in [", low, ", ", a.size - a.window + 1,
          ") along axis ", a.axis, ", got ", index)));
}

// Indices as the kernel reads them; none where their type does not fit.
bool fits(const Array& indices) { return indices.dtype() != Dtype::uint64; }

void set_window(GatherArgs& args, const std::vector<int64_t>& windows,
                const Strides& strides) {
  args.window = 1;
  for (size_t d = 0; d < windows.size(); ++d) {
    args.window *= static_cast<uint64_t>(windows[d]);
    if (windows[d] == 1) continue;
    args.window_shape[args.window_ndim] = windows[d];
    args.window_strides[args.window_ndim++] = strides[static_cast<int64_t>(d)];
  }
}

void index(GatherArgs& args, std::vector<Indexed>& axes, const Array& x,
           int64_t axis, int64_t window) {
  int k = args.indexed++;
  args.sizes[k] = x.shape(axis);
  args.places[k] = x.shape(axis) - window + 1;
  args.strides[k] = x.strides()[axis];
  axes.push_back({axis, x.shape(axis), window});
}

// `indices` are contiguous int64.
void run(const char* name, const GatherArgs& args, std::vector<Indexed> axes,
         const Array& x, const Inputs& indices, const Array& out) {
  const char* word = metal_word(x.itemsize());
  Array fault = uploaded(std::vector<uint32_t>(kFaultWords));
  Dispatch work = {
      .pipeline = pipeline("gather", cat("INGOT_GATHER(", word, ")"), "gather"),
      .args = &args,
      .args_size = sizeof(args),
      .groups = groups_for(out.size()),
      .threads = kGroup};
  work.operands.push_back({x});
  for (int64_t k = 0; k < kMaxIndexed; ++k) {
    work.operands.push_back({indices[k < indices.size() ? k : 0]});
  }
  work.operands.push_back({out, true});
  work.operands.push_back({fault, true});
  encoder().dispatch(work, [fault, name, axes = std::move(axes)] {
    auto* words = fault.data<const uint32_t>();
    return words[0] == 0 ? nullptr : index_error(name, axes, words);
  });
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
  // Indices are checked also where their windows are empty.
  if (!supported || what.axes.empty() || out.size() == 0) {
    Inputs all = in;
    all.push_back(out);
    return on_cpu("gather", all, [&](Backend& b) { b.gather(what, in, out); });
  }
  GatherArgs args = {};
  args.size = static_cast<uint64_t>(out.size());
  std::vector<Indexed> axes;
  Inputs indices;
  set_window(args, what.windows, x.strides());
  for (size_t k = 0; k < what.axes.size(); ++k) {
    int64_t axis = what.axes[k];
    index(args, axes, x, axis, what.windows[static_cast<size_t>(axis)]);
    indices.push_back(as_indices(in[static_cast<int64_t>(k) + 1]));
  }
  run(what.name, args, std::move(axes), x, indices, out);
}

void MetalBackend::take_along_axis(int64_t axis, const Array& x,
                                   const Array& indices, Array& out) {
  if (!fits(indices) || x.ndim() > kMaxDims) {
    return on_cpu("take_along_axis", {x, indices, out}, [&](Backend& b) {
      b.take_along_axis(axis, x, indices, out);
    });
  }
  if (out.size() == 0) return;
  GatherArgs args = {};
  args.size = static_cast<uint64_t>(out.size());
  args.window = 1;
  args.others_ndim = static_cast<int32_t>(x.ndim());
  for (int64_t d = 0; d < x.ndim(); ++d) {
    args.others_shape[d] = indices.shape(d);
    args.others_strides[d] = d == axis ? 0 : x.strides()[d];
  }
  std::vector<Indexed> axes;
  index(args, axes, x, axis, 1);
  run("take_along_axis", args, std::move(axes), x, {as_indices(indices)}, out);
}

}  // namespace ingot::metal
