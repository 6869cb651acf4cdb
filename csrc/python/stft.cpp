// fft.stft and fft.istft in Python.
// SPDX-License-Identifier: MIT
#include "csrc/python/fft.h"

namespace ingot::python {
namespace {

using Maybe = std::optional<int64_t>;

// What stands in for what is not given.
ShortTime short_time(int64_t n_fft, Maybe hop, Maybe win_length,
                     const OptionalArray& window, const char* name) {
  ShortTime how;
  how.n_fft = n_fft;
  how.hop = hop.value_or(n_fft / 4);
  if (window) how.window = to_array(window->value);
  how.win_length = win_length.value_or(window ? how.window.size() : n_fft);
  how.name = name;
  return how;
}

std::optional<PadMode> pad_mode(const std::string& mode) {
  if (mode == "constant") return {};
  if (mode == "edge") return PadMode::edge;
  require(mode == "reflect", "stft: pad_mode must be 'reflect', 'constant' or ",
          "'edge', got '", mode, "'");
  return PadMode::reflect;
}

void def_stft(nb::module_& m) {
  m.def(
      "stft",
      [](const ArrayLike& x, int64_t n_fft, Maybe hop_length, Maybe win_length,
         const OptionalArray& window, bool center, const std::string& mode,
         const std::string& norm, std::optional<bool> onesided,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array signal = to_array(x.value);
        ShortTime how =
            short_time(n_fft, hop_length, win_length, window, "stft");
        how.center = center;
        how.norm = fourier_norm(norm, "stft");
        how.onesided = onesided.value_or(!is_complex(signal.dtype()));
        return stft(signal, how, pad_mode(mode));
      },
      "x"_a, "n_fft"_a = 2048, "hop_length"_a = nb::none(),
      "win_length"_a = nb::none(), "window"_a = nb::none(), "center"_a = true,
      "pad_mode"_a = "reflect", "norm"_a = "backward",
      "onesided"_a = nb::none(), "stream"_a = nb::none(),
      R"(The short-time Fourier transform: fft of overlapping frames of a signal.

y[k, f] = sum over t of w[t] x[f hop + t] exp(-2 pi i k t / n).

Args:
    x: (..., samples) array.
    n_fft: n, the samples of a frame.
    hop_length: from one frame to the next; n_fft / 4 by default.
    win_length: the samples of a window; those of `window` or n_fft by default.
    window: vector, which lies in the middle of a frame, between zeros; all ones by
        default.
    center: whether n_fft / 2 samples are added at both ends, so that the first frame
        has its middle at the first sample.
    pad_mode: what they are: 'reflect' (mirrored about the end), 'constant' (zeros) or
        'edge' (the last sample again).
    norm: as in fft.
    onesided: whether the first n / 2 + 1 frequencies are all that is returned; by
        default if x is real.
    stream: stream or device.

Returns:
    (..., frequencies, frames) complex64 array.

Raises:
    ValueError: if there are fewer samples than n_fft, a length is not positive, the
        window is complex, longer than n_fft or not of win_length, a mode is none of
        these, or onesided is asked for of complex numbers.

Example:
    >>> import ingot.core as mx
    >>> mx.fft.stft(mx.ones((6,)), 4, 2, center=False)
    array([[4+0j, 4+0j],
           [0+0j, 0+0j],
           [0+0j, 0+0j]], dtype=complex64))");
}

void def_istft(nb::module_& m) {
  m.def(
      "istft",
      [](const ArrayLike& stft_matrix, Maybe n_fft, Maybe hop_length,
         Maybe win_length, const OptionalArray& window, bool center,
         const std::string& norm, std::optional<bool> onesided, Maybe length,
         const StreamArg& stream) {
        OnStream scope(stream);
        Array spectra = to_array(stft_matrix.value);
        bool half = onesided.value_or(true);
        int64_t axis = spectra.ndim() - 2;
        int64_t bins = axis < 0 ? 1 : spectra.shape(axis);
        int64_t n = n_fft.value_or(half ? 2 * (bins - 1) : bins);
        ShortTime how = short_time(n, hop_length, win_length, window, "istft");
        how.center = center;
        how.norm = fourier_norm(norm, "istft");
        how.onesided = half;
        return istft(spectra, how, length);
      },
      "stft_matrix"_a, "n_fft"_a = nb::none(), "hop_length"_a = nb::none(),
      "win_length"_a = nb::none(), "window"_a = nb::none(), "center"_a = true,
      "norm"_a = "backward", "onesided"_a = nb::none(), "length"_a = nb::none(),
      "stream"_a = nb::none(),
      R"(The signal that has a given short-time Fourier transform.

x[t] = (sum over f of w[t - f hop] y_f[t - f hop]) / (sum over f of w[t - f hop]^2),
where y_f is ifft of frame f, and 0 where no window reaches: the signal whose stft is
nearest (Griffin and Lim 1984).

Args:
    stft_matrix: (..., frequencies, frames) array, as from stft.
    n_fft: the samples of a frame; by default what the frequencies stand for, if that
        is even.
    hop_length: from one frame to the next; n_fft / 4 by default.
    win_length: the samples of a window; those of `window` or n_fft by default.
    window: vector; all ones by default.
    center: whether n_fft / 2 samples at both ends are left out.
    norm: as in fft.
    onesided: whether there are the first n / 2 + 1 frequencies alone, of a real
        signal; by default there are.
    length: the samples that the signal is cut to, or padded with zeros.
    stream: stream or device.

Returns:
    (..., samples) float32 array, or complex64 if not onesided.

Raises:
    ValueError: if the frequencies are not those of n_fft, there is no frame, a length
        is not positive, or the window is complex, longer than n_fft or not of
        win_length.

Example:
    >>> import ingot.core as mx
    >>> y = mx.fft.stft(mx.arange(8.0), 4)
    >>> mx.round(mx.fft.istft(y))
    array([0, 1, 2, 3, 4, 5, 6, 7], dtype=float32))");
}

}  // namespace

void bind_stft(nb::module_& fft) {
  def_stft(fft);
  def_istft(fft);
}

}  // namespace ingot::python
