// Kernels: sources built into the extension, compiled when first used.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "csrc/metal/device.h"

namespace ingot::metal {

// One file of metal/ with all that it includes (written by
// cmake/embed_kernels.py).
struct KernelSource {
  const char* family;  // the file's name without its ending
  const char* text;
};
extern const KernelSource kKernelSources[];
extern const int kKernelSourceCount;

// The kernel `name` of the family's source, to which `instantiation` has been
// added: a line of macros that names the types wanted. Compiled once per
// process. Throws RuntimeError with the compiler's log.
MTL::ComputePipelineState* pipeline(const char* family,
                                    const std::string& instantiation,
                                    const std::string& name);

}  // namespace ingot::metal
