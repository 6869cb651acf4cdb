// Random numbers: both words of each generator call go to their place in the
// output at once, elements i and i + ceil(n / 2) of n.
// SPDX-License-Identifier: MIT
#include "metal/random.h"

#include <cmath>
#include <numbers>

#include "csrc/cpu/backend.h"
#include "csrc/cpu/pool.h"
#include "csrc/cpu/simd.h"
#include "csrc/cpu/tiles.h"

namespace ingot::cpu {
namespace {

double rounded(double x, Dtype dtype) {
  float narrow = static_cast<float>(x);
  switch (dtype) {
    case Dtype::float16:
      return static_cast<float>(Half(narrow));
    case Dtype::bfloat16:
      return static_cast<float>(Bfloat16(narrow));
    case Dtype::float64:
      return x;
    default:
      return narrow;
  }
}

// The arguments in the precision of the output, each step rounded to it.
RandomArgs args_of(const Distribution& d, const uint32_t* key, Dtype dtype) {
  auto in_type = [dtype](double x) { return rounded(x, dtype); };
  RandomArgs args = {key[0], key[1], 1, 0, in_type(std::numbers::sqrt2), 0, 0};
  double low = in_type(d.a), high = in_type(d.b);
  auto error_function = [&](double x) {
    double z = in_type(x / args.root);
    return in_type(dtype == Dtype::float64 ? math::erf(z)
                                           : math::erf(static_cast<float>(z)));
  };
  switch (d.kind) {
    case DistributionKind::bits:
      break;
    case DistributionKind::uniform:
      args.scale = in_type(high - low);
      args.shift = low;
      break;
    case DistributionKind::normal:
      args.scale = in_type(args.root * high);
      args.shift = low;
      break;
    case DistributionKind::truncated_normal:
      args.shift = error_function(low);
      args.scale = in_type(error_function(high) - args.shift);
      args.low = low;
      args.high = high;
      break;
  }
  return args;
}

}  // namespace

void CpuBackend::random(const Distribution& distribution, const Array& key,
                        Array& out) {
  int64_t step = key.strides()[0];
  const uint32_t words[2] = {key.data<uint32_t>()[0],
                             key.data<uint32_t>()[step]};
  RandomArgs args = args_of(distribution, words, out.dtype());
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
