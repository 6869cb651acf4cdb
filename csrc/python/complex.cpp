// Parts and conjugates of complex arrays in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

template <Array (*f)(const Array&)>
void def_part(nb::module_& m, const char* name, const char* doc) {
  m.def(
      name,
      [](const ArrayLike& a, const StreamArg& stream) {
        OnStream scope(stream);
        return f(to_array(a.value));
      },
      "a"_a, nb::kw_only(), "stream"_a = nb::none(), doc);
}

}  // namespace

void bind_complex(nb::module_& m) {
  def_part<real>(m, "real", R"(The real part, Re a.

It is a view of the array: no element is copied. Its gradient c comes back as
c + 0j.

Args:
    a: array; a real one is returned as it is.
    stream: stream or device.

Returns:
    float32 array of the same shape for complex64.

Example:
    >>> import ingot.core as mx
    >>> mx.real(mx.array([1 + 2j, 3j]))
    array([1, 0], dtype=float32))");
  def_part<imag>(m, "imag", R"(The imaginary part, Im a.

It is a view of the array: no element is copied. Its gradient c comes back as
c * 1j.

Args:
    a: array; of a real one the imaginary part is 0, of the same dtype.
    stream: stream or device.

Returns:
    float32 array of the same shape for complex64.

Example:
    >>> import ingot.core as mx
    >>> mx.imag(mx.array([1 + 2j, 3j]))
    array([2, 3], dtype=float32))");
  def_part<conj>(m, "conjugate", R"(The complex conjugate, Re a - i Im a.

Gradients of complex arrays are conjugates themselves: with a = x + iy, that of a
real loss L is dL/dx + i dL/dy, the direction in which L grows fastest. A
cotangent c comes back through a differentiable f(a) as c * conj(f'(a)), and
through conj(a) as conj(c).

Args:
    a: array; a real one is returned as it is.
    stream: stream or device.

Returns:
    array of the same shape and dtype.

Example:
    >>> import ingot.core as mx
    >>> mx.conjugate(mx.array([1 + 2j, 3j]))
    array([1-2j, 0-3j], dtype=complex64)
    >>> mx.grad(lambda z: mx.abs(z) ** 2)(mx.array(1 + 2j))
    array(2+4j, dtype=complex64))");
  m.attr("conj") = m.attr("conjugate");
}

}  // namespace ingot::python
