// Arrays to Python numbers and nested lists.
// SPDX-License-Identifier: MIT
#include "csrc/graph.h"
#include "csrc/python/convert.h"

namespace ingot::python {
namespace {

template <class T>
nb::object to_python(T value) {
  if constexpr (std::is_same_v<T, bool>) {
    return nb::bool_(value);
  } else if constexpr (std::is_integral_v<T>) {
    return nb::int_(value);
  } else if constexpr (is_complex_type<T>) {
    return owned(PyComplex_FromDoubles(value.re, value.im));
  } else {
    return nb::float_(static_cast<double>(
        static_cast<
            std::conditional_t<std::is_same_v<T, double>, double, float>>(
            value)));
  }
}

template <class T>
nb::object list_of(const Array& x, int64_t axis, const T* at) {
  if (axis == x.ndim()) return to_python(*at);
  nb::list list;
  for (int64_t i = 0; i < x.shape(axis); ++i) {
    list.append(list_of(x, axis + 1, at + i * x.strides()[axis]));
  }
  return list;
}

}  // namespace

nb::object to_list(Array array) {
  {
    nb::gil_scoped_release release;
    eval({array});
  }
  return dispatch(array.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    return list_of(array, 0, array.data<const T>());
  });
}

}  // namespace ingot::python
