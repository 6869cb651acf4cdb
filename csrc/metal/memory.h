// Memory that the CPU and the GPU see alike.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/allocator.h"
#include "csrc/metal/device.h"

#if defined(__has_feature)
#define INGOT_ASAN __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define INGOT_ASAN 1
#else
#define INGOT_ASAN 0
#endif

namespace ingot::metal {

// Metal buffers as the source of all arrays' memory: one of its own for a large
// block; small ones are cut from slabs, since thousands of small buffers
// exhaust what the system can keep resident.
allocator::Source memory_source();

inline MTL::Buffer* metal_buffer(const Buffer& buffer) {
  return static_cast<MTL::Buffer*>(buffer.resource);
}

}  // namespace ingot::metal
