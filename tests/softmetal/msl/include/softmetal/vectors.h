// Vectors of 2, 3 and 4: clang's, which have Metal's operators and swizzles.
// The compiler turns float4(...) into make_float4(...), since clang's take no
// list of values in parentheses.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

template <class T, int n>
using vec = T __attribute__((ext_vector_type(n)));

// Values one after another, from scalars and vectors alike.
template <class T, int n>
struct VectorBuilder {
  T value[n];
  int used = 0;

  template <class S>
  void append(S x) {
    value[used++] = T(x);
  }
  template <class S, int m>
  void append(vec<S, m> x) {
    for (int i = 0; i < m; ++i) value[used++] = T(x[i]);
  }
  vec<T, n> result() const {
    vec<T, n> v;
    for (int i = 0; i < n; ++i) v[i] = value[i];
    return v;
  }
};

template <class A>
struct width {
  static constexpr constant int value = 1;
};
template <class T, int n>
struct width<T __attribute__((ext_vector_type(n)))> {
  static constexpr constant int value = n;
};
template <class... A>
struct total_width {
  static constexpr constant int value = 0;
};
template <class A, class... Rest>
struct total_width<A, Rest...> {
  static constexpr constant int value =
      width<A>::value + total_width<Rest...>::value;
};

template <class T, int n>
struct VectorMaker {
  static vec<T, n> make() { return vec<T, n>(T(0)); }
  template <class A>
  static enable_if_t<width<A>::value == 1, vec<T, n>> make(A x) {
    return vec<T, n>(T(x));
  }
  template <class A>
  static enable_if_t<width<A>::value == n, vec<T, n>> make(A x) {
    return __builtin_convertvector(x, vec<T, n>);
  }
  template <class A, class B, class... C>
  static vec<T, n> make(A a, B b, C... c) {
    static_assert(total_width<A, B, C...>::value == n,
                  "a vector needs as many values as it has elements");
    VectorBuilder<T, n> builder;
    builder.append(a);
    builder.append(b);
    int in_order[] = {0, (builder.append(c), 0)...};
    (void)in_order;
    return builder.result();
  }
};

template <class T, int n, class... A>
inline vec<T, n> make_vec(A... x) {
  return VectorMaker<T, n>::make(x...);
}

}  // namespace metal

#define SOFTMETAL_VECTOR(T, n)                        \
  typedef T T##n __attribute__((ext_vector_type(n))); \
  template <class... A>                               \
  inline T##n make_##T##n(A... x) {                   \
    return metal::VectorMaker<T, n>::make(x...);      \
  }                                                   \
  namespace metal {                                   \
  using ::make_##T##n;                                \
  using ::T##n;                                       \
  }
#define SOFTMETAL_VECTORS(T) \
  SOFTMETAL_VECTOR(T, 2)     \
  SOFTMETAL_VECTOR(T, 3)     \
  SOFTMETAL_VECTOR(T, 4)
SOFTMETAL_VECTORS(float)
SOFTMETAL_VECTORS(half)
SOFTMETAL_VECTORS(bfloat)
SOFTMETAL_VECTORS(char)
SOFTMETAL_VECTORS(uchar)
SOFTMETAL_VECTORS(short)
SOFTMETAL_VECTORS(ushort)
SOFTMETAL_VECTORS(int)
SOFTMETAL_VECTORS(uint)
SOFTMETAL_VECTORS(long)
SOFTMETAL_VECTORS(ulong)
#undef SOFTMETAL_VECTORS
#undef SOFTMETAL_VECTOR

namespace metal {

template <class T, int n>
inline T dot(vec<T, n> x, vec<T, n> y) {
  T sum = x[0] * y[0];
  for (int i = 1; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

// Of what a comparison of vectors gives.
template <int n>
inline bool any(vec<int, n> x) {
  for (int i = 0; i < n; ++i) {
    if (x[i]) return true;
  }
  return false;
}
template <int n>
inline bool all(vec<int, n> x) {
  for (int i = 0; i < n; ++i) {
    if (!x[i]) return false;
  }
  return true;
}

}  // namespace metal
