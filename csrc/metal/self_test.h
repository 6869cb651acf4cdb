// What the device was seen to do.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace ingot::metal {

struct SelfTest {
  bool exact;            // the CPU's bits for division, sqrt, a * b + c
  bool addresses;        // kernels may follow addresses in a table
  bool wide;             // simdgroups have 32 threads
  std::string failures;  // what is not so, in words; empty if all is well
};

// Tried once, when first asked for.
const SelfTest& self_test();

}  // namespace ingot::metal
