// Merges dimensions, and names types as Metal does.
// SPDX-License-Identifier: MIT
#include "csrc/metal/layout.h"

namespace ingot::metal {
Dims merged(const Shape& shape,
            const SmallVector<Strides, kMaxOperands>& strides) {
  Dims dims;
  int64_t count = strides.size();
  for (int64_t k = 0; k < count; ++k) dims.strides.emplace_back();
  for (int64_t i = 0; i < shape.size(); ++i) {
    int64_t n = shape[i];
    if (n == 1) continue;
    bool merge = !dims.shape.empty();
    for (int64_t k = 0; k < count; ++k) {
      merge = merge && dims.strides[k].back() == strides[k][i] * n;
    }
    if (merge) {
      dims.shape.back() *= n;
    } else {
      dims.shape.push_back(n);
    }
    for (int64_t k = 0; k < count; ++k) {
      if (merge) {
        dims.strides[k].back() = strides[k][i];
      } else {
        dims.strides[k].push_back(strides[k][i]);
      }
    }
  }
  return dims;
}

Layout::Layout(std::initializer_list<const Array*> operands)
    : flat_args{}, strided_args{} {
  SmallVector<Strides, kMaxOperands> own;
  for (const Array* x : operands) own.push_back(x->strides());
  Dims dims = merged((*operands.begin())->shape(), own);
  int64_t count = own.size();
  int64_t ndim = dims.shape.size();
  auto size = static_cast<uint64_t>((*operands.begin())->size());
  flat_args.size = strided_args.size = size;
  fits = ndim <= kMaxDims;
  flat = ndim <= 1;
  for (int64_t k = 0; k < count; ++k) {
    int64_t step = ndim == 0 ? 0 : dims.strides[k].back();
    flat = flat && (step == 0 || step == 1);
    flat_args.steps[k] = step != 0;
  }
  if (!fits) return;
  strided_args.ndim = static_cast<int32_t>(ndim);
  strided_args.operands = static_cast<int32_t>(count);
  for (int64_t d = 0; d < ndim; ++d) {
    strided_args.shape[d] = dims.shape[d];
    for (int64_t k = 0; k < count; ++k) {
      strided_args.strides[k][d] = dims.strides[k][d];
    }
  }
}

const char* metal_type(Dtype dtype) {
  constexpr const char* names[kDtypes] = {
      "bool",   "uint8_t", "uint16_t", "uint32_t", "uint64_t",
      "int8_t", "int16_t", "int32_t",  "int64_t",  "half",
      "bfloat", "float",   nullptr,    nullptr};
  return names[static_cast<int>(dtype)];
}

const char* metal_word(int64_t itemsize) {
  switch (itemsize) {
    case 1:
      return "uint8_t";
    case 2:
      return "uint16_t";
    case 4:
      return "uint32_t";
    default:
      return "uint64_t";
  }
}

}  // namespace ingot::metal
