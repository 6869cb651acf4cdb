// Fourier transforms, in complex64 and float32.
// SPDX-License-Identifier: MIT
#pragma once

#include "csrc/ops.h"

namespace ingot {

// What the sums are divided by: the number of elements where the exponents are
// positive, its square root in either case, or it where they are negative.
enum class FourierNorm : uint8_t { backward, ortho, forward };
struct FourierCall {
  const char* name;  // a literal, the function that errors speak of
  Fourier::Kind kind;
  bool inverse;
  FourierNorm norm = FourierNorm::backward;
};
// Along axes that have been cut or padded with zeros to the sizes; of real
// numbers the spectrum of the last axis is halved. Without axes these are the
// last ones, one for each size, or all; where sizes are missing, those of x.
Array fourier(const FourierCall& call, const Array& x,
              const std::optional<Shape>& sizes, const Axes& axes);
// Transforms of the frames of a signal, each times a window (ops/stft.cpp).
struct ShortTime {
  const char* name;    // a literal, the function that errors speak of
  int64_t n_fft;       // elements of a frame
  int64_t hop;         // from one frame to the next
  int64_t win_length;  // of the window, which lies in the middle of a frame
  Array window;        // empty: all ones
  bool center;         // the first frame has its middle at the first element
  FourierNorm norm;
  bool onesided;  // the first half of each spectrum
};
// (..., samples) -> (..., frequencies, frames); without a mode x continues with
// zeros.
Array stft(const Array& x, const ShortTime& how, std::optional<PadMode> mode);
// Back, by the least squares of Griffin and Lim 1984.
Array istft(const Array& x, const ShortTime& how,
            std::optional<int64_t> length);
// The element of frequency 0 in the middle of each axis, or back at its start.
Array fftshift(const Array& x, const Axes& axes, bool inverse);
// k / (n d), for all k or for those from 0 to n / 2.
Array fftfreq(int64_t n, double d, bool half);

}  // namespace ingot
