// Barriers, and the engine that kernels reach through a table of functions.
// SPDX-License-Identifier: MIT
#pragma once

#include <abi.h>

// Set once, when the library is loaded.
static const softmetal::Hooks* softmetal_hooks;

#define is_function_constant_defined(name) name##_is_defined

namespace metal {

enum class mem_flags : uint {
  mem_none = 0,
  mem_device = 1,
  mem_threadgroup = 2,
  mem_texture = 4,
  mem_threadgroup_imageblock = 8,
};
constexpr mem_flags operator|(mem_flags x, mem_flags y) {
  return mem_flags(uint(x) | uint(y));
}

inline void threadgroup_barrier(mem_flags flags, SOFTMETAL_SITE) {
  softmetal_hooks->threadgroup_barrier(uint(flags), site);
}
inline void simdgroup_barrier(mem_flags flags, SOFTMETAL_SITE) {
  softmetal_hooks->simdgroup_barrier(uint(flags), site);
}

}  // namespace metal
