// Arguments of the kernels that index, and what they report.
// SPDX-License-Identifier: MIT
#include "csrc/metal/places.h"

#include "csrc/error.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"
#include "csrc/metal/upload.h"

namespace ingot::metal {

void Places::set_windows(const std::vector<int64_t>& windows,
                         const Array& target) {
  for (size_t d = 0; d < windows.size(); ++d) {
    args.window *= static_cast<uint64_t>(windows[d]);
    if (windows[d] == 1) continue;
    args.window_shape[args.window_ndim] = windows[d];
    args.window_strides[args.window_ndim++] =
        target.strides()[static_cast<int64_t>(d)];
  }
}

void Places::count_along(int64_t axis, const Array& target,
                         const Shape& positions) {
  args.others_ndim = static_cast<int32_t>(target.ndim());
  for (int64_t d = 0; d < target.ndim(); ++d) {
    args.others_shape[d] = positions[d];
    args.others_strides[d] = d == axis ? 0 : target.strides()[d];
  }
}

void Places::index(int64_t axis, int64_t window, const Array& target,
                   const Array& indices) {
  int k = args.indexed++;
  args.sizes[k] = target.shape(axis);
  args.places[k] = target.shape(axis) - window + 1;
  args.strides[k] = target.strides()[axis];
  axes_.push_back({axis, target.shape(axis), window});
  indices_.push_back(indices);
}

Array Places::run(MTL::ComputePipelineState* pipeline,
                  std::vector<Operand> others, int64_t size) {
  Array fault = uploaded(std::vector<uint32_t>(kFaultWords));
  args.size = static_cast<uint64_t>(size);
  Dispatch work = {.pipeline = pipeline,
                   .args = &args,
                   .args_size = sizeof(args),
                   .groups = groups_for(size),
                   .threads = kGroup};
  for (int64_t k = 0; k < kMaxIndexed; ++k) {
    work.operands.push_back({indices_[k < indices_.size() ? k : 0]});
  }
  for (const Operand& x : others) work.operands.push_back(x);
  work.operands.push_back({fault, true});
  encoder().dispatch(work, [fault, name = name_, axes = axes_] {
    auto* words = fault.data<const uint32_t>();
    return words[0] == 0 ? nullptr : error(name, axes, words);
  });
  return fault;
}

Places::Found Places::find(int64_t positions) {
  Array offsets = Array::empty({positions}, Dtype::uint32);
  Array fault = run(pipeline("places", "places"), {{offsets, true}}, positions);
  return {offsets, fault};
}

std::exception_ptr Places::error(const char* name,
                                 const std::vector<Axis>& axes,
                                 const uint32_t* fault) {
  const Axis& a = axes[fault[1]];
  auto index = static_cast<int64_t>(uint64_t{fault[3]} << 32 | fault[2]);
  int64_t low = a.window > 1 ? 0 : -a.size;
  return std::make_exception_ptr(IndexError(
      cat(name, ": index must be in [", low, ", ", a.size - a.window + 1,
          ") along axis ", a.axis, ", got ", index)));
}

}  // namespace ingot::metal
