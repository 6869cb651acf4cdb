// Window functions in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/module.h"

namespace ingot::python {
namespace {

template <Array (*f)(int64_t)>
void def_window(nb::module_& m, const char* name, const char* formula,
                const char* example) {
  m.def(
      name,
      [](int64_t samples, const StreamArg& stream) {
        OnStream scope(stream);
        return f(samples);
      },
      "M"_a, nb::kw_only(), "stream"_a = nb::none(),
      cat(formula, R"(

Args:
    M: number of samples; there are none if it is not positive.
    stream: stream or device.

Returns:
    float32 vector, 1 in the middle where M is odd.

Example:
    >>> import ingot.core as mx
    >>> )",
          example)
          .c_str());
}

}  // namespace

void bind_windows(nb::module_& m) {
  def_window<bartlett>(
      m, "bartlett",
      "The Bartlett window, a triangle: 1 - |2 n / (M - 1) - 1|.",
      "mx.bartlett(5)\n    array([0, 0.5, 1, 0.5, 0], dtype=float32)");
  def_window<blackman>(
      m, "blackman",
      "The Blackman window: 0.42 - 0.5 cos(t) + 0.08 cos(2 t), where t = 2 pi "
      "n / (M - 1).",
      "mx.blackman(3)\n    array([0, 1, 0], dtype=float32)");
  def_window<hamming>(
      m, "hamming", "The Hamming window: 0.54 - 0.46 cos(2 pi n / (M - 1)).",
      "mx.hamming(3)\n    array([0.08, 1, 0.08], dtype=float32)");
  def_window<hanning>(m, "hanning",
                      "The Hann window: 0.5 - 0.5 cos(2 pi n / (M - 1)).",
                      "mx.hanning(3)\n    array([0, 1, 0], dtype=float32)");
}

}  // namespace ingot::python
