// random.multivariate_normal in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"
#include "csrc/python/random_state.h"

namespace ingot::python {

void bind_multivariate(nb::module_& m) {
  m.def(
      "multivariate_normal",
      [](const ArrayLike& mean, const ArrayLike& cov, const IntOrInts& shape,
         const DtypeArg& dtype, const std::optional<Array>& key,
         const StreamArg& stream) {
        OnStream scope(stream);
        return random::multivariate_normal(
            to_array(mean.value), to_array(cov.value), shape.values,
            dtype_or(dtype, Dtype::float32), key ? *key : Array());
      },
      "mean"_a, "cov"_a, "shape"_a = nb::tuple(), "dtype"_a = nb::none(),
      "key"_a = nb::none(), "stream"_a = nb::none(),
      R"(Normal vectors of a mean and a covariance, mean + z cov^(1/2).

z is normal of mean 0 and variance 1; the square root is the symmetric one, by
singular values. Where cov is not positive semi-definite the numbers have no
meaning.

Args:
    mean: (..., n) array.
    cov: (..., n, n) array of symmetric matrices.
    shape: int or ints that the batch dimensions of mean and cov broadcast with;
        theirs alone by default.
    dtype: element type, float32 by default.
    key: uint32 array (2,); the next one of the global state by default.
    stream: stream or device.

Returns:
    (..., n) array.

Raises:
    ValueError: if cov is not of square matrices of the length of mean, if shapes
        do not broadcast, or dtype is not floating.

Example:
    >>> import ingot.core as mx
    >>> mean, cov = mx.array([1.0, 2.0]), mx.array([[2.0, 0.5], [0.5, 1.0]])
    >>> mx.random.multivariate_normal(mean, cov, (1000,)).shape
    (1000, 2))");
}

}  // namespace ingot::python
