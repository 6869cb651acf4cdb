// Running on the CPU what has no kernel, on the same memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/allocator.h"
#include "csrc/metal/backend.h"

namespace ingot::metal {

void count_fallback(const char* family);

template <class F>
void MetalBackend::on_cpu(const char* family, const Inputs& arrays, F&& f) {
  count_fallback(family);
  for (const Array& x : arrays) await(x);
  allocator::GpuScope off(false);
  f(cpu_);
}

}  // namespace ingot::metal
