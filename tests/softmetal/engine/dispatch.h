// One dispatch, as the command queue hands it to the engine.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/abi.h"
#include "engine/sanitizer.h"

namespace softmetal {

struct Dispatch {
  const Kernel* kernel;
  Arguments arguments = {};
  unsigned threadgroup_length[kSlots] = {};
  unsigned grid[3];   // threads
  unsigned group[3];  // threads of a whole threadgroup
  uint64_t seed = 0;  // of the order in which threads run; 0: as they come
};

// What TSan is to believe about when a dispatch runs: after the host's commit
// and after some others, and not one access later than that.
struct Ordering {
  History commit = {};
  std::vector<const void*> after;
  const void* done = nullptr;
};

// Runs every thread; returns what was wrong with the kernel, or nothing.
std::string run(const Dispatch& dispatch, const Ordering& ordering);

// For what does nothing but order other dispatches.
void run_nothing(const Ordering& ordering);

// Of the dispatch that this system thread runs, or null.
const char* running_kernel();

const Hooks* hooks();

// Static threadgroup memory a dispatch of the kernel was seen to use, in bytes.
unsigned static_threadgroup_memory(const Kernel* kernel);

}  // namespace softmetal
