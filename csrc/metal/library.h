// Kernels: taken from a library that the build has made, or compiled from the
// sources in the extension when first used.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

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

// The kernel of a family that is called `name`, for what its template takes:
// functors and types. Made once per process. Throws RuntimeError with the
// compiler's log.
MTL::ComputePipelineState* pipeline(const char* family, const std::string& name,
                                    const std::vector<std::string>& types = {});

// Whether the libraries are in use, in words.
std::string kernels_status();

}  // namespace ingot::metal
