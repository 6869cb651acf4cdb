// The names of functors in kernels: those of metal/ops.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/families.h"

namespace ingot::metal {

inline const char* functor(UnaryOp op) {
  constexpr const char* names[] = {
#define UNARY(name, Functor, kind, doc) #Functor,
#include "csrc/ops.def"
  };
  return names[static_cast<int>(op)];
}

inline const char* functor(BinaryOp op) {
  constexpr const char* names[] = {
#define BINARY(name, Functor, kind, doc) #Functor,
#include "csrc/ops.def"
  };
  return names[static_cast<int>(op)];
}

}  // namespace ingot::metal
