// Kernels whose sources are written while the process runs: compiled when they
// are first used, and kept until others have been used since.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "csrc/metal/device.h"

namespace ingot::metal {

// A source of one kernel: what many begin with, and a text that tells it from
// all others.
struct Written {
  const char* prelude;  // lives as long as the process
  std::string text;
  std::string name;  // of the kernel
};

// Throws RuntimeError with the compiler's log and the lines of the text.
NS::SharedPtr<MTL::ComputePipelineState> kernel_of(const Written& source);

}  // namespace ingot::metal
