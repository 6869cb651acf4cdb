// 8 x 8 matrices that a simdgroup holds together, two elements in each lane,
// laid out as Apple's GPUs do.
// SPDX-License-Identifier: MIT
#pragma once

namespace metal {

// Of a lane's two elements, which are neighbours in a row.
struct MatrixPlace {
  uint row, column;

  explicit MatrixPlace(uint lane) {
    uint quad = lane / 4;
    row = (quad & 4) + lane / 2 % 4;
    column = (quad & 2) * 2 + lane % 2 * 2;
  }
};

template <class T, int columns = 8, int rows = 8>
struct simdgroup_matrix {
  static_assert(columns == 8 && rows == 8, "simdgroup_matrix: must be 8 x 8");

  simdgroup_matrix() = default;
  explicit simdgroup_matrix(T diagonal) {
    MatrixPlace place(softmetal_hooks->lane());
    for (uint i = 0; i < 2; ++i) {
      elements[i] = place.row == place.column + i ? diagonal : T(0);
    }
  }
  thread vec<T, 2>& thread_elements() { return elements; }

  vec<T, 2> elements;
};
typedef simdgroup_matrix<float> simdgroup_float8x8;
typedef simdgroup_matrix<half> simdgroup_half8x8;
typedef simdgroup_matrix<bfloat> simdgroup_bfloat8x8;

template <class T, int columns, int rows>
inline simdgroup_matrix<T, columns, rows> make_filled_simdgroup_matrix(T x) {
  simdgroup_matrix<T, columns, rows> m;
  m.elements = vec<T, 2>(x);
  return m;
}

#define SOFTMETAL_TRANSFER(space)                                             \
  template <class T>                                                          \
  inline void simdgroup_load(thread simdgroup_matrix<T>& m,                   \
                             const space T* from, ulong elements_per_row = 8, \
                             ulong2 origin = ulong2(0),                       \
                             bool transpose_matrix = false) {                 \
    MatrixPlace place(softmetal_hooks->lane());                               \
    for (uint i = 0; i < 2; ++i) {                                            \
      ulong row = place.row, column = place.column + i;                       \
      ulong y = transpose_matrix ? column : row;                              \
      ulong x = transpose_matrix ? row : column;                              \
      m.elements[i] = from[(origin.y + y) * elements_per_row + origin.x + x]; \
    }                                                                         \
  }                                                                           \
  template <class T>                                                          \
  inline void simdgroup_store(                                                \
      simdgroup_matrix<T> m, space T* to, ulong elements_per_row = 8,         \
      ulong2 origin = ulong2(0), bool transpose_matrix = false) {             \
    MatrixPlace place(softmetal_hooks->lane());                               \
    for (uint i = 0; i < 2; ++i) {                                            \
      ulong row = place.row, column = place.column + i;                       \
      ulong y = transpose_matrix ? column : row;                              \
      ulong x = transpose_matrix ? row : column;                              \
      to[(origin.y + y) * elements_per_row + origin.x + x] = m.elements[i];   \
    }                                                                         \
  }
SOFTMETAL_EACH_SPACE(SOFTMETAL_TRANSFER)
#undef SOFTMETAL_TRANSFER

// All 64 elements, for one lane's part of a product.
template <class T>
struct WholeMatrix {
  float value[8][8];

  WholeMatrix(simdgroup_matrix<T> m, uint site) {
    Lanes<vec<T, 2>> lanes(m.elements, site);
    if (lanes.got.mask != ~0u) {
      softmetal_hooks->fail(
          "all 32 threads of a simdgroup must multiply its matrices together, "
          "got fewer");
    }
    for (uint lane = 0; lane < 32; ++lane) {
      MatrixPlace place(lane);
      vec<T, 2> two = lanes[lane];
      value[place.row][place.column] = float(two[0]);
      value[place.row][place.column + 1] = float(two[1]);
    }
  }
};

template <class T, class A, class B, class C>
inline void simdgroup_multiply_accumulate(thread simdgroup_matrix<T>& d,
                                          simdgroup_matrix<A> a,
                                          simdgroup_matrix<B> b,
                                          simdgroup_matrix<C> c,
                                          SOFTMETAL_SITE) {
  WholeMatrix<A> x(a, site);
  WholeMatrix<B> y(b, site);
  MatrixPlace place(softmetal_hooks->lane());
  for (uint i = 0; i < 2; ++i) {
    float sum = float(c.elements[i]);
    for (uint k = 0; k < 8; ++k) {
      sum = __builtin_fmaf(x.value[place.row][k], y.value[k][place.column + i],
                           sum);
    }
    d.elements[i] = T(sum);
  }
}
template <class T, class A, class B>
inline void simdgroup_multiply(thread simdgroup_matrix<T>& d,
                               simdgroup_matrix<A> a, simdgroup_matrix<B> b,
                               SOFTMETAL_SITE) {
  simdgroup_matrix<T> zero = make_filled_simdgroup_matrix<T, 8, 8>(T(0));
  simdgroup_multiply_accumulate(d, a, b, zero, site);
}

}  // namespace metal
