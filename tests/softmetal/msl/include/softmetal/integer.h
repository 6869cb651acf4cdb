// Functions of numbers of any type, and those of integers.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

// One function for each type, as Metal has: a template would lose against a
// kernel's own function of the same name where Metal's compiler finds both.
// Of two floats, min and max drop a NaN.
#define SOFTMETAL_ORDERED(T)                                 \
  inline T min(T x, T y) { return x != x || y < x ? y : x; } \
  inline T max(T x, T y) { return x != x || x < y ? y : x; } \
  inline T clamp(T x, T low, T high) { return min(max(x, low), high); }
#define SOFTMETAL_REAL(T)               \
  SOFTMETAL_ORDERED(T)                  \
  inline T abs(T x) { return fabs(x); } \
  inline T sign(T x) { return x > T(0) ? T(1) : (x < T(0) ? T(-1) : T(0)); }
#define SOFTMETAL_WHOLE(T) \
  SOFTMETAL_ORDERED(T)     \
  inline T abs(T x) { return x < T(1) && x != T(0) ? T(0 - x) : x; }
SOFTMETAL_REAL(float)
SOFTMETAL_REAL(half)
SOFTMETAL_REAL(bfloat)
SOFTMETAL_WHOLE(char)
SOFTMETAL_WHOLE(int8_t)
SOFTMETAL_WHOLE(uchar)
SOFTMETAL_WHOLE(short)
SOFTMETAL_WHOLE(ushort)
SOFTMETAL_WHOLE(int)
SOFTMETAL_WHOLE(uint)
SOFTMETAL_WHOLE(long)
SOFTMETAL_WHOLE(ulong)
#undef SOFTMETAL_ORDERED
#undef SOFTMETAL_REAL
#undef SOFTMETAL_WHOLE
template <class T>
inline T select(T otherwise, T then, bool condition) {
  return condition ? then : otherwise;
}
template <class T>
inline T mix(T x, T y, T a) {
  return x + (y - x) * a;
}
template <class T>
inline T step(T edge, T x) {
  return x < edge ? T(0) : T(1);
}

#define SOFTMETAL_EACH2(name)                                  \
  template <class T, int n>                                    \
  inline vec<T, n> name(vec<T, n> x, vec<T, n> y) {            \
    for (int i = 0; i < n; ++i) x[i] = name(T(x[i]), T(y[i])); \
    return x;                                                  \
  }
SOFTMETAL_EACH2(min)
SOFTMETAL_EACH2(max)
#undef SOFTMETAL_EACH2
template <class T, int n>
inline vec<T, n> clamp(vec<T, n> x, vec<T, n> low, vec<T, n> high) {
  return min(max(x, low), high);
}
template <class T, int n>
inline vec<T, n> abs(vec<T, n> x) {
  for (int i = 0; i < n; ++i) x[i] = abs(T(x[i]));
  return x;
}
template <class T, int n>
inline vec<T, n> sign(vec<T, n> x) {
  for (int i = 0; i < n; ++i) x[i] = sign(T(x[i]));
  return x;
}
template <class T, class M, int n>
inline vec<T, n> select(vec<T, n> otherwise, vec<T, n> then, vec<M, n> mask) {
  for (int i = 0; i < n; ++i) {
    if (mask[i]) otherwise[i] = then[i];
  }
  return otherwise;
}

template <class T>
inline T popcount(T x) {
  ulong mask = ~0ul >> (64 - 8 * sizeof(T));
  return T(__builtin_popcountl(ulong(x) & mask));
}
template <class T>
inline T clz(T x) {
  ulong mask = ~0ul >> (64 - 8 * sizeof(T)), bits = ulong(x) & mask;
  return T(bits == 0 ? int(8 * sizeof(T))
                     : __builtin_clzl(bits) - int(64 - 8 * sizeof(T)));
}
template <class T>
inline T ctz(T x) {
  ulong mask = ~0ul >> (64 - 8 * sizeof(T)), bits = ulong(x) & mask;
  return T(bits == 0 ? int(8 * sizeof(T)) : __builtin_ctzl(bits));
}
template <class T>
inline T mulhi(T x, T y) {
  static_assert(sizeof(T) <= 8, "mulhi: of integers");
  typedef conditional_t<__is_signed(T), __int128, unsigned __int128> Wide;
  return T(Wide(x) * Wide(y) >> (8 * sizeof(T)));
}
template <class T>
inline T rotate(T x, T count) {
  constexpr uint bits = 8 * sizeof(T);
  uint n = uint(count) % bits;
  ulong mask = ~0ul >> (64 - bits), v = ulong(x) & mask;
  return T((v << n | v >> ((bits - n) % bits)) & mask);
}
template <class T>
inline T reverse_bits(T x) {
  return T(__builtin_bitreverse64(ulong(x)) >> (64 - 8 * sizeof(T)));
}

}  // namespace metal
