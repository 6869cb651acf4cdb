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
const char* source(const char* family);

// The kernel of a family that is called `name`, for what its template takes:
// functors and types. Made once per process. Throws RuntimeError with the
// compiler's log.
MTL::ComputePipelineState* pipeline(const char* family, const std::string& name,
                                    const std::vector<std::string>& types = {});

// The same in two steps, for kernels that are not of a family: a source that is
// compiled now, with safe math, and a kernel of it. `what` is in the error.
NS::SharedPtr<MTL::Library> compiled(const std::string& text,
                                     const std::string& what);
NS::SharedPtr<MTL::ComputePipelineState> kernel_of(MTL::Library* library,
                                                   const std::string& name);

// Whether the libraries are in use, in words.
std::string kernels_status();

}  // namespace ingot::metal
