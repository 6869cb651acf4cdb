// Functions over the 32 lanes of a simdgroup, of which only those take part
// that call them. What a lane that does not would have given is NaN.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

// The values of all lanes at one call.
template <class T>
struct Lanes {
  softmetal::Exchange got;

  Lanes(T mine, uint site) {
    static_assert(sizeof(T) <= sizeof(softmetal::Lane), "simd: type too large");
    softmetal::Lane lane = {};
    __builtin_memcpy(lane.bytes, &mine, sizeof(T));
    softmetal_hooks->exchange(&lane, site, &got);
  }
  T operator[](uint i) const {
    T value;
    __builtin_memcpy(&value, got.lanes[i & 31].bytes, sizeof(T));
    return value;
  }
  bool active(uint i) const { return got.mask >> i & 1; }
  uint first() const { return __builtin_ctz(got.mask); }
};

#define SOFTMETAL_REDUCTION(name, result)           \
  template <class T>                                \
  inline T simd_##name(T mine, SOFTMETAL_SITE) {    \
    Lanes<T> lanes(mine, site);                     \
    T x = lanes[lanes.first()];                     \
    for (uint i = lanes.first() + 1; i < 32; ++i) { \
      if (!lanes.active(i)) continue;               \
      T y = lanes[i];                               \
      x = result;                                   \
    }                                               \
    return x;                                       \
  }
SOFTMETAL_REDUCTION(sum, T(x + y))
SOFTMETAL_REDUCTION(product, T(x* y))
SOFTMETAL_REDUCTION(max, metal::max(x, y))
SOFTMETAL_REDUCTION(min, metal::min(x, y))
SOFTMETAL_REDUCTION(and, T(x& y))
SOFTMETAL_REDUCTION(or, T(x | y))
SOFTMETAL_REDUCTION(xor, T(x ^ y))
#undef SOFTMETAL_REDUCTION

template <class T>
inline T simd_prefix_exclusive_sum(T mine, SOFTMETAL_SITE) {
  Lanes<T> lanes(mine, site);
  T sum = T(0);
  for (uint i = 0; i < lanes.got.lane; ++i) {
    if (lanes.active(i)) sum = T(sum + lanes[i]);
  }
  return sum;
}
template <class T>
inline T simd_prefix_inclusive_sum(T mine, SOFTMETAL_SITE) {
  return T(simd_prefix_exclusive_sum(mine, site) + mine);
}

template <class T>
inline T simd_shuffle(T mine, ushort lane, SOFTMETAL_SITE) {
  return Lanes<T>(mine, site)[lane];
}
template <class T>
inline T simd_broadcast(T mine, ushort lane, SOFTMETAL_SITE) {
  return Lanes<T>(mine, site)[lane];
}
template <class T>
inline T simd_broadcast_first(T mine, SOFTMETAL_SITE) {
  Lanes<T> lanes(mine, site);
  return lanes[lanes.first()];
}
template <class T>
inline T simd_shuffle_xor(T mine, ushort mask, SOFTMETAL_SITE) {
  Lanes<T> lanes(mine, site);
  return lanes[lanes.got.lane ^ mask];
}
// Without wrapping round: where no lane lies that far, one's own value.
template <class T>
inline T simd_shuffle_down(T mine, ushort delta, SOFTMETAL_SITE) {
  Lanes<T> lanes(mine, site);
  uint from = lanes.got.lane + delta;
  return from < 32 ? lanes[from] : mine;
}
template <class T>
inline T simd_shuffle_up(T mine, ushort delta, SOFTMETAL_SITE) {
  Lanes<T> lanes(mine, site);
  return delta <= lanes.got.lane ? lanes[lanes.got.lane - delta] : mine;
}

inline bool simd_any(bool mine, SOFTMETAL_SITE) {
  return simd_or(uint(mine), site) != 0;
}
inline bool simd_all(bool mine, SOFTMETAL_SITE) {
  return simd_and(uint(mine), site) != 0;
}
inline bool simd_is_first(SOFTMETAL_SITE) {
  Lanes<uint> lanes(0, site);
  return lanes.first() == lanes.got.lane;
}

}  // namespace metal
