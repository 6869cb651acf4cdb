// linalg.eig and linalg.eigvals in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {

void bind_eig(nb::module_& m) {
  m.def(
      "eig",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return eig(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Eigenvalues and eigenvectors of square matrices, a v = v diag(w).

Both are complex, also where all eigenvalues are real; those of a real matrix that are
not come in conjugate pairs, next to each other. Vectors have the Euclidean norm 1, and
their largest element is real. There is no derivative. A matrix with NaN or infinity
gives NaN. For symmetric and Hermitian matrices use eigh.

Args:
    a: (..., n, n) array, float32, float64 or complex64.
    stream: stream or device.

Returns:
    w (..., n), in no particular order, and v (..., n, n), whose columns are the
    vectors; both complex64.

Raises:
    ValueError: if a is not of square matrices of these types; when evaluated, if
        LAPACK's iteration does not converge.

Example:
    >>> import ingot.core as mx
    >>> w, v = mx.linalg.eig(mx.array([[0.0, 1.0], [-1.0, 0.0]]))
    >>> w
    array([0+1j, 0-1j], dtype=complex64))");
  m.def(
      "eigvals",
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return eigvals(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(),
      R"(Eigenvalues of square matrices, as eig gives them.

Args:
    a: (..., n, n) array, float32, float64 or complex64.
    stream: stream or device.

Returns:
    (..., n) array of complex64, in no particular order.

Raises:
    ValueError: as eig.

Example:
    >>> import ingot.core as mx
    >>> mx.linalg.eigvals(mx.array([[1.0, -2.0], [-2.0, 1.0]]))
    array([3+0j, -1+0j], dtype=complex64))");
}

}  // namespace ingot::python
