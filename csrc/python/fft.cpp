// fft.* in Python: discrete Fourier transforms, shifts and frequencies.
// SPDX-License-Identifier: MIT
#include "csrc/python/fft.h"

namespace ingot::python {
namespace {

using Sizes = std::optional<Shape>;

// What a docstring says of one function beside the others of its kind.
struct Text {
  const char* formula;
  const char* a;
  const char* sizes;
  const char* returns;
  const char* example;
};

FourierCall with_norm(FourierCall call, const std::string& norm) {
  call.norm = fourier_norm(norm, call.name);
  return call;
}

// fft.name(a, n=None, axis=-1, norm="backward", stream=None)
void def_along(nb::module_& m, FourierCall call, const Text& text) {
  m.def(
      call.name,
      [call](const ArrayLike& a, std::optional<int64_t> n, int64_t axis,
             const std::string& norm, const StreamArg& stream) {
        OnStream scope(stream);
        Sizes sizes;
        if (n) sizes = Shape{*n};
        return fourier(with_norm(call, norm), to_array(a.value), sizes,
                       Shape{axis});
      },
      "a"_a, "n"_a = nb::none(), "axis"_a = -1, "norm"_a = "backward",
      "stream"_a = nb::none(),
      cat(text.formula, R"(

Args:
    a: )",
          text.a, R"(
    n: length )",
          text.sizes, R"(
    axis: the axis.
    norm: what is divided, by n or its square root: 'backward' the inverse, 'forward'
        the other, 'ortho' both by the root.
    stream: stream or device.

Returns:
    )",
          text.returns, R"(

Raises:
    AxisError: if there is no such axis.
    ValueError: if there are no elements to transform, or norm is none of these.

Example:
    >>> import ingot.core as mx
    >>> )",
          text.example)
          .c_str());
}

// fft.name(a, s=None, axes=None, norm="backward", stream=None), or the last two
// axes by default.
void def_along_axes(nb::module_& m, FourierCall call, bool two,
                    const Text& text) {
  Sizes axes;
  if (two) axes = Shape{-2, -1};
  m.def(
      call.name,
      [call](const ArrayLike& a, const Sizes& s, const Sizes& axes,
             const std::string& norm, const StreamArg& stream) {
        OnStream scope(stream);
        return fourier(with_norm(call, norm), to_array(a.value), s, axes);
      },
      "a"_a, "s"_a = nb::none(), "axes"_a = axes, "norm"_a = "backward",
      "stream"_a = nb::none(),
      cat(text.formula, R"(

Args:
    a: )",
          text.a, R"(
    s: lengths )",
          text.sizes, R"(
    axes: the axes; where None, the last ones, one for each of s, or all.
    norm: what is divided, by the number of elements or its square root: 'backward'
        the inverse, 'forward' the other, 'ortho' both by the root.
    stream: stream or device.

Returns:
    )",
          text.returns, R"(

Raises:
    AxisError: if there is no such axis.
    ValueError: if an axis repeats or has no elements to transform, there are not as
        many lengths as axes, or norm is none of these.

Example:
    >>> import ingot.core as mx
    >>> )",
          text.example)
          .c_str());
}

constexpr const char* kAny = "array; it is transformed as complex64.";
constexpr const char* kReal =
    "array; it is transformed as float32, of complex numbers the real parts.";
constexpr const char* kHalf =
    "array, taken as complex64: the first half of a spectrum, whose other "
    "half\n"
    "        would be its conjugates.";
constexpr const char* kCut =
    "that the axis is cut or padded with zeros to; its own by default.";
constexpr const char* kCuts =
    "that the axes are cut or padded with zeros to; their own by default.";
constexpr const char* kLast =
    "of the result, for which n / 2 + 1 elements are taken, zeros where there\n"
    "        are fewer; 2 (m - 1) for m elements by default.";
constexpr const char* kLasts =
    "of the result; along the last axis s / 2 + 1 elements are taken, and by\n"
    "        default it gets 2 (m - 1) for m elements.";
constexpr const char* kWhole = "complex64 array.";
constexpr const char* kHalved =
    "complex64 array, with n / 2 + 1 elements along the last of the axes.";
constexpr const char* kNumbers = "float32 array.";

void bind_of_complex(nb::module_& m) {
  constexpr Fourier::Kind kind = Fourier::complex;
  def_along(m, {"fft", kind, false},
            {"The discrete Fourier transform along an axis.\n\n"
             "y[k] = sum over j of x[j] exp(-2 pi i j k / n).",
             kAny, kCut, kWhole,
             "mx.fft.fft(mx.array([1.0, 2.0, 3.0, 4.0]))\n"
             "    array([10+0j, -2+2j, -2+0j, -2-2j], dtype=complex64)"});
  def_along(m, {"ifft", kind, true},
            {"The inverse of fft: x[j] = (sum over k of y[k] exp(2 pi i j k / "
             "n)) / n.",
             kAny, kCut, kWhole,
             "mx.fft.ifft(mx.array([4.0, 0.0, 0.0, 0.0]))\n"
             "    array([1+0j, 1+0j, 1+0j, 1+0j], dtype=complex64)"});
  def_along_axes(m, {"fft2", kind, false}, true,
                 {"fft along two axes.", kAny, kCuts, kWhole,
                  "mx.fft.fft2(mx.ones((2, 2)))\n"
                  "    array([[4+0j, 0+0j],\n"
                  "           [0+0j, 0+0j]], dtype=complex64)"});
  def_along_axes(m, {"ifft2", kind, true}, true,
                 {"The inverse of fft2.", kAny, kCuts, kWhole,
                  "mx.fft.ifft2(mx.array([[4.0, 0.0], [0.0, 0.0]]))\n"
                  "    array([[1+0j, 1+0j],\n"
                  "           [1+0j, 1+0j]], dtype=complex64)"});
  def_along_axes(m, {"fftn", kind, false}, false,
                 {"fft along several axes.", kAny, kCuts, kWhole,
                  "mx.fft.fftn(mx.ones((2, 2)), axes=[0])\n"
                  "    array([[2+0j, 2+0j],\n"
                  "           [0+0j, 0+0j]], dtype=complex64)"});
  def_along_axes(m, {"ifftn", kind, true}, false,
                 {"The inverse of fftn.", kAny, kCuts, kWhole,
                  "mx.fft.ifftn(mx.ones((2, 2)), axes=[0])\n"
                  "    array([[1+0j, 1+0j],\n"
                  "           [0+0j, 0+0j]], dtype=complex64)"});
}

void bind_of_real(nb::module_& m) {
  constexpr Fourier::Kind from = Fourier::from_real, to = Fourier::to_real;
  def_along(m, {"rfft", from, false},
            {"The first n / 2 + 1 elements of fft, for real numbers.\n\n"
             "The others are their conjugates, from the end.",
             kReal, kCut, kHalved,
             "mx.fft.rfft(mx.array([1.0, 2.0, 3.0, 4.0]))\n"
             "    array([10+0j, -2+2j, -2+0j], dtype=complex64)"});
  def_along(
      m, {"irfft", to, true},
      {"The inverse of rfft.\n\n"
       "The imaginary parts of the first element, and for an even n of the "
       "last, count for\nnothing.",
       kHalf, kLast, kNumbers,
       "mx.fft.irfft(mx.array([10, -2 + 2j, -2]))\n"
       "    array([1, 2, 3, 4], dtype=float32)"});
  def_along_axes(m, {"rfft2", from, false}, true,
                 {"rfft along the second of two axes, and fft along the first.",
                  kReal, kCuts, kHalved,
                  "mx.fft.rfft2(mx.ones((2, 3)))\n"
                  "    array([[6+0j, 0+0j],\n"
                  "           [0+0j, 0+0j]], dtype=complex64)"});
  def_along_axes(m, {"irfft2", to, true}, true,
                 {"The inverse of rfft2.", kHalf, kLasts, kNumbers,
                  "mx.fft.irfft2(mx.array([[6.0, 0.0], [0.0, 0.0]]), (2, 3))\n"
                  "    array([[1, 1, 1],\n"
                  "           [1, 1, 1]], dtype=float32)"});
  def_along_axes(
      m, {"rfftn", from, false}, false,
      {"rfft along the last of several axes, and fft along the others.", kReal,
       kCuts, kHalved,
       "mx.fft.rfftn(mx.ones((2, 3)))\n"
       "    array([[6+0j, 0+0j],\n"
       "           [0+0j, 0+0j]], dtype=complex64)"});
  def_along_axes(m, {"irfftn", to, true}, false,
                 {"The inverse of rfftn.", kHalf, kLasts, kNumbers,
                  "mx.fft.irfftn(mx.array([[6.0, 0.0], [0.0, 0.0]]), (2, 3))\n"
                  "    array([[1, 1, 1],\n"
                  "           [1, 1, 1]], dtype=float32)"});
}

void def_shift(nb::module_& m, const char* name, bool inverse,
               const char* formula, const char* example) {
  m.def(
      name,
      [inverse](const ArrayLike& a, const AxesArg& axes,
                const StreamArg& stream) {
        OnStream scope(stream);
        return fftshift(to_array(a.value), to_axes(axes), inverse);
      },
      "a"_a, "axes"_a = nb::none(), "stream"_a = nb::none(),
      cat(formula, R"(

Args:
    a: array.
    axes: the axis or axes; all by default.
    stream: stream or device.

Returns:
    array of a's shape and dtype.

Raises:
    AxisError: if there is no such axis.

Example:
    >>> import ingot.core as mx
    >>> )",
          example)
          .c_str());
}

void def_frequencies(nb::module_& m, const char* name, bool half,
                     const char* formula, const char* example) {
  m.def(
      name,
      [half](int64_t n, double d, const StreamArg& stream) {
        OnStream scope(stream);
        return fftfreq(n, d, half);
      },
      "n"_a, "d"_a = 1.0, "stream"_a = nb::none(),
      cat(formula, R"(

Args:
    n: number of samples that are transformed.
    d: time from one sample to the next.
    stream: stream or device.

Returns:
    float32 vector, in cycles for each unit of d.

Raises:
    ValueError: if n is not positive, or d is 0 or not finite.

Example:
    >>> import ingot.core as mx
    >>> )",
          example)
          .c_str());
}

}  // namespace

FourierNorm fourier_norm(const std::string& norm, const char* name) {
  if (norm == "backward") return FourierNorm::backward;
  if (norm == "ortho") return FourierNorm::ortho;
  require(norm == "forward", name, ": norm must be 'backward', 'ortho' or ",
          "'forward', got '", norm, "'");
  return FourierNorm::forward;
}

void bind_fft(nb::module_& m) {
  nb::module_ fft = m.def_submodule("fft", "Discrete Fourier transforms.");
  bind_of_complex(fft);
  bind_of_real(fft);
  bind_stft(fft);
  def_shift(fft, "fftshift", false,
            "Moves frequency 0 from the start of each axis to its middle.",
            "mx.fft.fftshift(mx.array([0, 1, 2, -2, -1]))\n"
            "    array([-2, -1, 0, 1, 2], dtype=int32)");
  def_shift(fft, "ifftshift", true,
            "The inverse of fftshift, from which it differs for odd lengths.",
            "mx.fft.ifftshift(mx.array([-2, -1, 0, 1, 2]))\n"
            "    array([0, 1, 2, -2, -1], dtype=int32)");
  def_frequencies(fft, "fftfreq", false,
                  "The frequencies that the elements of fft stand for.\n\n"
                  "k / (n d), for k = 0, 1, ... and then the negative ones up "
                  "to -1.",
                  "mx.fft.fftfreq(5, 0.2)\n"
                  "    array([0, 1, 2, -2, -1], dtype=float32)");
  def_frequencies(fft, "rfftfreq", true,
                  "The frequencies that the elements of rfft stand for: k / (n "
                  "d), for k = 0 to n / 2.",
                  "mx.fft.rfftfreq(5, 0.2)\n"
                  "    array([0, 1, 2], dtype=float32)");
}

}  // namespace ingot::python
