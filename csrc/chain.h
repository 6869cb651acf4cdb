// Chains of elementwise operations that are computed together, a tile at a
// time: what lies between them never reaches memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/families.h"
#include "csrc/graph.h"

namespace ingot {

struct Entry;

// Where a link takes an operand from: an earlier link, or an array that
// broadcasts to the shape of the chain.
struct Taken {
  int link = -1;
  const Array* array = nullptr;
};

// One operation of a chain.
struct Link {
  Elementwise what;
  Dtype in;  // of its operands; select's condition is bool
  Dtype out;
  SmallVector<Taken, 3> operands;
  Array* result = nullptr;  // null where only later links want it
};

inline constexpr int kMaxLinks = 16;
// Arrays that it takes and gives: buffers of one kernel on a GPU.
inline constexpr int64_t kMaxChainArrays = 30;

// Links in an order that can be computed, all of one shape.
struct Chain {
  Shape shape;
  std::vector<Link> links;
};

// How many of the entries, from `first` on, make a chain; 1 if none.
size_t chain_length(const Backend& backend, const std::vector<Entry>& entries,
                    size_t first);
// Computes them. Allocates before it writes over any input.
void compute_chain(Backend& backend, std::vector<Entry>& entries, size_t first,
                   size_t length);

}  // namespace ingot
