// Random numbers: both words of each generator call become deviates in one
// pass, elements i and i + ceil(n / 2) of n.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)
#include "args.h"
#include "msl/index.h"
#include "msl/kernel.h"
#include "random.h"

using namespace ingot;

// The largest number below 1.
template <class T>
INGOT_FN float below_one() {
  return 0.99999994f;
}
template <>
float below_one<half>() {
  return 0.99951172f;
}
template <>
float below_one<bfloat>() {
  return 0.99609375f;
}

// Half types round after each operation, as if they had arithmetic of their
// own.
template <class T>
INGOT_FN float affine(float x, constant DrawArgs& args) {
  return float(T(float(T(x * args.scale)) + args.shift));
}

template <class T>
INGOT_FN float unit(uint word) {
  return ingot::min(float(T(bits_to_uniform(word))), below_one<T>());
}

struct Uniform {
  template <class T>
  INGOT_FN T draw(uint word, constant DrawArgs& args) {
    return T(affine<T>(unit<T>(word), args));
  }
};

struct Normal {
  template <class T>
  INGOT_FN T draw(uint word, constant DrawArgs& args) {
    float x = uniform_to_erfinv(bits_to_uniform(word));
    return T(affine<T>(float(T(x)), args));
  }
};

struct TruncatedNormal {
  template <class T>
  INGOT_FN T draw(uint word, constant DrawArgs& args) {
    float x = affine<T>(unit<T>(word), args);
    x = float(T(math::erfinv(x)));
    x = float(T(x * args.root));
    return T(ingot::max(ingot::min(x, args.high), args.low));
  }
};

struct Bits {
  template <class T>
  INGOT_FN T draw(uint word, constant DrawArgs& args) {
    (void)args;
    return T(word);
  }
};

template <class Distribution, class T>
[[kernel]] void draws(device const uint* key [[buffer(0)]],
                      device T* out [[buffer(1)]],
                      constant DrawArgs& args [[buffer(2)]],
                      uint group [[threadgroup_position_in_grid]],
                      uint thread_index [[thread_position_in_threadgroup]]) {
  uint k0 = key[0], k1 = key[args.key_stride];
  ulong half_size = args.size / 2, lower = args.size - half_size;
  for (int k = 0; k < kEach; ++k) {
    ulong i = element(group, thread_index, k);
    if (i >= lower) return;
    Bits2 words = random_words(k0, k1, uint(i), uint(args.size));
    out[i] = Distribution::template draw<T>(words.x0, args);
    if (i < half_size) {
      out[i + lower] = Distribution::template draw<T>(words.x1, args);
    }
  }
}
