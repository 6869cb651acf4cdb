// Bare loops that only move bytes: what the machine allows the operations that
// move as many. The benchmarks put every time beside theirs.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "csrc/allocator.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu {

// What a loop over float32 elements reads and writes. The last three are steps
// in place, with no state, one and two.
struct BareLoopKind {
  const char* name;
  int streams, bytes;  // buffers, and bytes moved for an element
};
inline constexpr BareLoopKind kBareLoopKinds[kBareLoops] = {
    {"read", 1, 4}, {"fill", 1, 4},      {"copy", 2, 8},  {"add", 3, 12},
    {"sgd", 2, 12}, {"momentum", 3, 20}, {"adam", 4, 28},
};

// One of them over `elements`, on threads of its own: nothing of the pool and
// of the graph is in its time.
class BareLoop {
 public:
  BareLoop(const std::string& name, int64_t elements, int threads);

  // The mean seconds of one of several passes.
  double run(int passes);
  // Bytes that a pass moves.
  int64_t bytes() const;

 private:
  int kind_;
  int64_t elements_;
  int threads_;
  std::vector<BufferPtr> streams_;
};

}  // namespace ingot::cpu
