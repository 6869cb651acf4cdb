// The source of a user's kernel, and what its body mentions.
// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "csrc/metal/custom.h"
#include "csrc/metal/written.h"

namespace ingot::metal {

// Which facts of an input's layout the body mentions.
struct Mentioned {
  bool shape, strides, ndim;
};
// Of each input.
std::vector<Mentioned> mentioned(const CustomSource& source);

// The source for a call whose types Metal has. Its buffers are the inputs, the
// outputs, and what is mentioned of each input.
Written custom_text(const CustomSource& source, const CustomCall& call);

}  // namespace ingot::metal
