// Strips of memory around each block of the GPU's that nobody may write: in
// builds for tests, since blocks lie side by side and nobody else would notice.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/allocator.h"
#include "csrc/metal/device.h"

namespace ingot::metal {

#if INGOT_GUARDS

// Bytes before a block, and as many behind it.
constexpr size_t kGuard = 64;

// Starts to watch the strips around what was cut out, and gives what lies
// between them.
Block guarded(Block cut, size_t bytes);
// The reverse, with a last look at them.
Block unguarded(Block block, size_t bytes);
// As much of a guarded block is used from now on: the rest is watched, too.
void lend(Block block, size_t bytes);

#else

constexpr size_t kGuard = 0;
inline Block guarded(Block cut, size_t) { return cut; }
inline Block unguarded(Block block, size_t) { return block; }
inline constexpr void (*lend)(Block, size_t) = nullptr;

#endif

}  // namespace ingot::metal
