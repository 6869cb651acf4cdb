// What the device must do as the CPU does: division, square roots, products
// that are rounded before they are added, addresses in a table.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"

using namespace ingot;

[[kernel]] void self_test(device const float* x [[buffer(0)]],
                          device const NormPiece* table [[buffer(1)]],
                          device float* out [[buffer(2)]],
                          constant SelfTestArgs& args [[buffer(3)]],
                          uint i [[thread_position_in_grid]]) {
  if (i >= args.cases) return;
  float a = x[3 * i], b = x[3 * i + 1], c = x[3 * i + 2];
  device float* result = out + kSelfTestResults * i;
  result[0] = a / b;
  result[1] = ingot::sqrt(a);
  result[2] = a * b + c;
  result[3] = 0.0f;
  if (args.follow != 0) result[3] = ((device const float*)table[0].in)[3 * i];
}
