// linalg.* of single matrices in Python: inverses, systems, factors, spectra.
// SPDX-License-Identifier: MIT
#include <nanobind/stl/tuple.h>

#include "csrc/python/module.h"

namespace ingot::python {
namespace {

using Three = std::tuple<Array, Array, Array>;
Three three(const Arrays& x) { return {x[0], x[1], x[2]}; }

bool is_upper(const std::string& uplo, const char* name) {
  bool upper = uplo == "U" || uplo == "u";
  require(upper || uplo == "L" || uplo == "l", name,
          ": UPLO must be 'L' or 'U', got '", uplo, "'");
  return upper;
}

// linalg.name(a, *, stream)
template <class F>
void bind_plain(nb::module_& m, const char* name, F f, const char* doc) {
  m.def(
      name,
      [f](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(), doc);
}

// linalg.name(a, upper=False, *, stream)
void bind_triangle(nb::module_& m, const char* name,
                   Array (*f)(const Array&, bool), const char* doc) {
  m.def(
      name,
      [f](const ArrayLike& a, bool upper, const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value), upper);
      },
      "a"_a, "upper"_a = false, nb::kw_only(), "stream"_a = nb::none(), doc);
}

void bind_inverses(nb::module_& m) {
  bind_plain(m, "inv", inv,
             R"(Inverses of square matrices, a^-1.

Args:
    a: (..., n, n) array, float32 or float64.
    stream: stream or device.

Returns:
    (..., n, n) array.

Raises:
    ValueError: if a is not of square matrices of these types; when evaluated, if
        one is singular.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.inv(mx.array([[2.0, 1.0], [1.0, 1.0]]))
    array([[1, -1],
           [-1, 2]], dtype=float32))");
  bind_triangle(
      m, "tri_inv", tri_inv,
      R"(Inverses of triangular matrices; the other triangle is not read.

Args:
    a: (..., n, n) array, float32 or float64.
    upper: whether the upper triangle is inverted, not the lower one.
    stream: stream or device.

Returns:
    (..., n, n) array, triangular as well.

Raises:
    ValueError: if a is not of square matrices of these types; when evaluated, if
        a diagonal has a zero.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.tri_inv(mx.array([[1.0, 0.0], [2.0, 1.0]]))
    array([[1, 0],
           [-2, 1]], dtype=float32))");
  bind_triangle(m, "cholesky", cholesky,
                R"(Cholesky factors of symmetric positive definite matrices.

a = l l' with l lower triangular, or a = u' u with u upper triangular. The triangle
that the factor is in is the one of a that is read. The gradient is symmetric. A
matrix with NaN or infinity there gives NaN.

Args:
    a: (..., n, n) array, float32 or float64.
    upper: whether u is wanted, not l.
    stream: stream or device.

Returns:
    (..., n, n) array.

Raises:
    ValueError: if a is not of square matrices of these types; when evaluated, if
        one is not positive definite.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.cholesky(mx.array([[4.0, 2.0], [2.0, 5.0]]))
    array([[2, 0],
           [1, 2]], dtype=float32))");
  bind_triangle(m, "cholesky_inv", cholesky_inv,
                R"(Inverses of symmetric matrices, given their Cholesky factors.

(a a')^-1, or (a' a)^-1 for upper factors; the other triangle is not read.

Args:
    a: (..., n, n) array, float32 or float64: what cholesky has given.
    upper: whether a is upper triangular.
    stream: stream or device.

Returns:
    (..., n, n) array.

Raises:
    ValueError: if a is not of square matrices of these types; when evaluated, if
        a diagonal has a zero.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.cholesky_inv(mx.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.25, 0],
           [0, 0.0625]], dtype=float32))");
  bind_plain(m, "det", det,
             R"(Determinants of square matrices.

The gradient is det(a) a^-T, which a singular matrix does not have: a ValueError.

Args:
    a: (..., n, n) array; integers are taken as float32.
    stream: stream or device.

Returns:
    (...) array.

Raises:
    ValueError: if a is not of square matrices.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.det(mx.array([[2.0, 1.0], [0.0, 3.0]]))
    array(6, dtype=float32))");
  bind_plain(m, "slogdet", slogdet,
             R"(Signs of determinants, and the logarithms of their magnitudes.

Those of a singular matrix are 0 and -inf. The gradient of the logarithm is a^-T,
which a singular matrix does not have: a ValueError.

Args:
    a: (..., n, n) array; integers are taken as float32.
    stream: stream or device.

Returns:
    Two (...) arrays: -1, 0 or 1, and ln |det(a)|.

Raises:
    ValueError: if a is not of square matrices.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.slogdet(mx.array([[-1.0, 0.0], [0.0, 1.0]]))
    (array(-1, dtype=float32), array(0, dtype=float32)))");
}

void bind_systems(nb::module_& m) {
  m.def(
      "solve",
      [](const ArrayLike& a, const ArrayLike& b, const StreamArg& stream) {
        OnStream scope(stream);
        return solve(to_array(a.value), to_array(b.value));
      },
      "a"_a, "b"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Solutions x of linear systems, a x = b.

Args:
    a: (..., n, n) array.
    b: (..., n, k) array, or a vector (n,). Batch dimensions of a and b broadcast.
    stream: stream or device.

Returns:
    (..., n, k) array, or (..., n) where b is a vector.

Raises:
    ValueError: if shapes do not fit, or a and b do not promote to float32 or
        float64; when evaluated, if a matrix is singular.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.solve(mx.array([[2.0, 0.0], [0.0, 4.0]]), mx.array([2.0, 2.0]))
    array([1, 0.5], dtype=float32))");
  m.def(
      "solve_triangular",
      [](const ArrayLike& a, const ArrayLike& b, bool upper,
         const StreamArg& stream) {
        OnStream scope(stream);
        return solve_triangular(to_array(a.value), to_array(b.value), upper);
      },
      "a"_a, "b"_a, nb::kw_only(), "upper"_a = false, "stream"_a = nb::none(),
      R"(Solutions x of triangular systems, a x = b.

Args:
    a: (..., n, n) array; the other triangle is not read.
    b: (..., n, k) array, or a vector (n,). Batch dimensions of a and b broadcast.
    upper: whether a is upper triangular, not lower.
    stream: stream or device.

Returns:
    (..., n, k) array, or (..., n) where b is a vector.

Raises:
    ValueError: if shapes do not fit, or a and b do not promote to float32 or
        float64; when evaluated, if a diagonal has a zero.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([[1.0, 0.0], [2.0, 1.0]])
    >>> mx.linalg.solve_triangular(a, mx.array([1.0, 3.0]))
    array([1, 1], dtype=float32))");
}

void bind_factors(nb::module_& m) {
  bind_plain(
      m, "lu", [](const Array& a) { return three(lu(a)); },
      R"(LU factors of matrices with rows exchanged: row p[i] of l u is row i of a.

So a is l[p] @ u, and of a batch take_along_axis(l, p[..., None], axis=-2) @ u.

Args:
    a: (..., m, n) array, float32 or float64.
    stream: stream or device.

Returns:
    p (..., m), uint32; l (..., m, k), lower triangular with ones on the diagonal;
    u (..., k, n), upper triangular; k = min(m, n).

Raises:
    ValueError: if a is not of matrices of these types.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([[0.0, 1.0], [2.0, 3.0]])
    >>> p, l, u = mx.linalg.lu(a)
    >>> p, bool(mx.allclose(l[p] @ u, a))
    (array([1, 0], dtype=uint32), True))");
  bind_plain(m, "lu_factor", lu_factor,
             R"(LU factors of matrices in one matrix.

Args:
    a: (..., m, n) array, float32 or float64.
    stream: stream or device.

Returns:
    (..., m, n) array: u in its upper triangle, and l without its diagonal of ones
    below; and pivots (..., min(m, n)), uint32: row i was exchanged with row
    pivots[i], for i = 0, 1, ... in turn.

Raises:
    ValueError: if a is not of matrices of these types.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.lu_factor(mx.array([[1.0, 2.0], [2.0, 3.0]]))
    (array([[2, 3],
           [0.5, 0.5]], dtype=float32), array([1, 1], dtype=uint32)))");
}

void bind_spectra(nb::module_& m) {
  m.def(
      "eigh",
      [](const ArrayLike& a, const std::string& uplo, const StreamArg& stream) {
        OnStream scope(stream);
        return eigh(to_array(a.value), is_upper(uplo, "eigh"));
      },
      "a"_a, "UPLO"_a = "L", nb::kw_only(), "stream"_a = nb::none(),
      R"(Eigenvalues and vectors of symmetric or Hermitian matrices, a v = v diag(w).

Only one triangle is read. Vectors are determined up to their sign, complex ones up to
their phase. The gradient is symmetric or Hermitian; through vectors it needs distinct
eigenvalues, and is NaN without. A matrix with NaN or infinity gives NaN.

Args:
    a: (..., n, n) array, float32, float64 or complex64.
    UPLO: which triangle, 'L' or 'U'.
    stream: stream or device.

Returns:
    w (..., n), real and ascending, and v (..., n, n), whose columns are orthonormal.

Raises:
    ValueError: if a is not of square matrices of these types, or UPLO is another
        word; when evaluated, if LAPACK's iteration does not converge.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([[2.0, 1.0], [1.0, 2.0]])
    >>> w, v = mx.linalg.eigh(a)
    >>> bool(mx.allclose(w, mx.array([1.0, 3.0]))), bool(mx.allclose(a @ v, v * w))
    (True, True))");
  m.def(
      "eigvalsh",
      [](const ArrayLike& a, const std::string& uplo, const StreamArg& stream) {
        OnStream scope(stream);
        return eigvalsh(to_array(a.value), is_upper(uplo, "eigvalsh"));
      },
      "a"_a, "UPLO"_a = "L", nb::kw_only(), "stream"_a = nb::none(),
      R"(Eigenvalues of symmetric or Hermitian matrices, as eigh gives them.

Args:
    a: (..., n, n) array, float32, float64 or complex64; one triangle is read.
    UPLO: which triangle, 'L' or 'U'.
    stream: stream or device.

Returns:
    (..., n) array, real and ascending.

Raises:
    ValueError: as eigh.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.eigvalsh(mx.array([[3.0, 0.0], [0.0, 2.0]]))
    array([2, 3], dtype=float32))");
  m.def(
      "svd",
      [](const ArrayLike& a, bool compute_uv, bool full_matrices,
         const StreamArg& stream) -> std::variant<Array, Three> {
        OnStream scope(stream);
        Array x = to_array(a.value);
        if (!compute_uv) return singular_values(x, "svd");
        return three(svd(x, full_matrices));
      },
      "a"_a, "compute_uv"_a = true, nb::kw_only(), "full_matrices"_a = true,
      "stream"_a = nb::none(),
      R"(Singular value decomposition, a = u[:, :k] diag(s) vt[:k], k = min(m, n).

Vectors are determined up to their sign, and those beyond the first k up to a
rotation. The gradient through vectors needs distinct singular values, and none that
are 0 unless m = n; without it is NaN. A matrix with NaN or infinity gives NaN.

Args:
    a: (..., m, n) array, float32 or float64.
    compute_uv: whether u and vt are wanted, not s alone.
    full_matrices: whether u and vt are square, or have the first k columns and
        rows alone.
    stream: stream or device.

Returns:
    u (..., m, m) with orthonormal columns, s (..., k), descending, and vt
    (..., n, n) with orthonormal rows; or s.

Raises:
    ValueError: if a is not of matrices of these types; when evaluated, if LAPACK's
        iteration does not converge.

Example:
    >>> import ingot.core as mx
    >>> a = mx.array([[3.0, 0.0], [0.0, 4.0], [0.0, 0.0]])
    >>> u, s, vt = mx.linalg.svd(a)
    >>> u.shape, s, bool(mx.allclose(u[:, :2] * s @ vt, a))
    ((3, 3), array([4, 3], dtype=float32), True))");
}

}  // namespace

void bind_factorize(nb::module_& m) {
  bind_inverses(m);
  bind_systems(m);
  bind_factors(m);
  bind_spectra(m);
}

}  // namespace ingot::python
