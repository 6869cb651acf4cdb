// Random numbers: both words of each generator call go to their place in the
// output at once, elements i and i + ceil(n / 2) of n.
// SPDX-License-Identifier: MIT
#include "csrc/ops/random.h"

#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
void CpuBackend::random(const Distribution& distribution, const Array& key,
                        Array& out) {
  int64_t step = key.strides()[0];
  const uint32_t words[2] = {key.data<uint32_t>()[0],
                             key.data<uint32_t>()[step]};
  random::Affine a = random::affine_of(distribution, out.dtype());
  RandomArgs args = {words[0], words[1], a.scale, a.shift,
                     a.root,   a.low,    a.high};
  auto draw = kernels().random[static_cast<int>(distribution.kind)]
                              [static_cast<int>(out.dtype())];
  int64_t n = out.size(), half = n / 2, lower = n - half;
  int64_t itemsize = out.itemsize();
  char* to = out.data<char>();
  parallel_for(half, grain_of(half), [&](int64_t begin, int64_t end) {
    draw(args, static_cast<uint32_t>(begin),
         static_cast<uint32_t>(begin + lower), to + begin * itemsize,
         to + (begin + lower) * itemsize, end - begin);
  });
  if (lower > half) {  // of an odd number the middle one comes alone
    Scratch second;
    draw(args, static_cast<uint32_t>(half), 0, to + half * itemsize,
         second.bytes, 1);
  }
}

}  // namespace ingot::cpu
