// Atomics. Their order is always relaxed, as in Metal: they race with nothing,
// and order nothing.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

enum memory_order { memory_order_relaxed };

// The bits of a T, which is what the processor exchanges.
template <class T>
struct atomic {
  typedef conditional_t<sizeof(T) == 8, ulong, uint> Bits;
  Bits bits;
};
typedef atomic<int> atomic_int;
typedef atomic<uint> atomic_uint;
typedef atomic<ulong> atomic_ulong;
typedef atomic<bool> atomic_bool;
typedef atomic<float> atomic_float;

// A parameter that T is not deduced from.
template <class T>
struct exactly {
  typedef T type;
};
template <class T>
using exactly_t = typename exactly<T>::type;

// Of types narrower than a word, the low bits count.
template <class T>
struct AtomicBits {
  typedef typename atomic<T>::Bits Bits;
  static Bits pack(T x) { return __builtin_bit_cast(Bits, x); }
  static T unpack(Bits x) { return __builtin_bit_cast(T, x); }
};
template <>
struct AtomicBits<bool> {
  static uint pack(bool x) { return x; }
  static bool unpack(uint x) { return x != 0; }
};

#define SOFTMETAL_BASIC(space)                                                 \
  template <class T>                                                           \
  inline T atomic_load_explicit(const volatile space atomic<T>* p,             \
                                memory_order) {                                \
    return AtomicBits<T>::unpack(__atomic_load_n(&p->bits, __ATOMIC_RELAXED)); \
  }                                                                            \
  template <class T>                                                           \
  inline void atomic_store_explicit(volatile space atomic<T>* p,               \
                                    exactly_t<T> x, memory_order) {            \
    __atomic_store_n(&p->bits, AtomicBits<T>::pack(x), __ATOMIC_RELAXED);      \
  }                                                                            \
  template <class T>                                                           \
  inline T atomic_exchange_explicit(volatile space atomic<T>* p,               \
                                    exactly_t<T> x, memory_order) {            \
    return AtomicBits<T>::unpack(__atomic_exchange_n(                          \
        &p->bits, AtomicBits<T>::pack(x), __ATOMIC_RELAXED));                  \
  }                                                                            \
  template <class T>                                                           \
  inline bool atomic_compare_exchange_weak_explicit(                           \
      volatile space atomic<T>* p, thread T* expected, exactly_t<T> desired,   \
      memory_order, memory_order) {                                            \
    typename atomic<T>::Bits bits = AtomicBits<T>::pack(*expected);            \
    bool done = __atomic_compare_exchange_n(                                   \
        &p->bits, &bits, AtomicBits<T>::pack(desired), true, __ATOMIC_RELAXED, \
        __ATOMIC_RELAXED);                                                     \
    *expected = AtomicBits<T>::unpack(bits);                                   \
    return done;                                                               \
  }
SOFTMETAL_EACH_SPACE(SOFTMETAL_BASIC)
#undef SOFTMETAL_BASIC

#define SOFTMETAL_FETCH_IN(space, name, result)                              \
  template <class T>                                                         \
  inline T atomic_fetch_##name##_explicit(volatile space atomic<T>* p,       \
                                          exactly_t<T> y, memory_order o) {  \
    T x = atomic_load_explicit(p, o);                                        \
    while (!atomic_compare_exchange_weak_explicit(p, &x, T(result), o, o)) { \
    }                                                                        \
    return x;                                                                \
  }
#define SOFTMETAL_FETCHES(space)                \
  SOFTMETAL_FETCH_IN(space, add, x + y)         \
  SOFTMETAL_FETCH_IN(space, sub, x - y)         \
  SOFTMETAL_FETCH_IN(space, or, x | y)          \
  SOFTMETAL_FETCH_IN(space, and, x& y)          \
  SOFTMETAL_FETCH_IN(space, xor, x ^ y)         \
  SOFTMETAL_FETCH_IN(space, min, y < x ? y : x) \
  SOFTMETAL_FETCH_IN(space, max, x < y ? y : x)
SOFTMETAL_EACH_SPACE(SOFTMETAL_FETCHES)
#undef SOFTMETAL_FETCHES
#undef SOFTMETAL_FETCH_IN

}  // namespace metal
