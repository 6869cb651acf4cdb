// Short-time Fourier transforms: of overlapping frames of a signal, and back.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <limits>

#include "csrc/ops/fft.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

constexpr int64_t kFar = std::numeric_limits<int32_t>::max();

// Elements [begin, end) of the last axis.
Array part(const Array& x, int64_t begin, int64_t end) {
  Shape start(x.ndim(), 0), stop = x.shape(), step(x.ndim(), 1);
  start[x.ndim() - 1] = begin;
  stop[x.ndim() - 1] = end;
  return slice(x, start, stop, step);
}

Array padded(const Array& x, int64_t low, int64_t high,
             std::optional<PadMode> mode = {}) {
  Shape before(x.ndim(), 0), after(x.ndim(), 0);
  before[x.ndim() - 1] = low;
  after[x.ndim() - 1] = high;
  if (mode) return pad(x, before, after, *mode);
  return pad(x, before, after, Array::scalar(0.0, x.dtype()));
}

void check(const ShortTime& how) {
  require(how.n_fft > 0 && how.n_fft <= kFar, how.name,
          ": n_fft must be in [1, 2^31), got ", how.n_fft);
  require(how.hop > 0 && how.hop <= kFar, how.name,
          ": hop_length must be in [1, 2^31), got ", how.hop);
  require(how.win_length > 0 && how.win_length <= how.n_fft, how.name,
          ": win_length must be in [1, n_fft], got ", how.win_length,
          " for n_fft ", how.n_fft);
  if (!how.window) return;
  require(how.window.shape() == Shape{how.win_length}, how.name,
          ": window must be a vector of win_length = ", how.win_length,
          " elements, got shape ", how.window.shape());
  require(!is_complex(how.window.dtype()), how.name,
          ": window must be real, got ", how.window.dtype());
}

// As long as a frame.
Array window_of(const ShortTime& how) {
  Array window = how.window ? astype(how.window, Dtype::float32)
                            : ones({how.win_length}, Dtype::float32);
  int64_t low = (how.n_fft - how.win_length) / 2;
  return padded(window, low, how.n_fft - how.win_length - low);
}

// (..., samples) -> (..., frames, n_fft)
Array frames_of(const Array& x, const ShortTime& how) {
  int64_t samples = x.shape().back();
  require(samples >= how.n_fft, "stft: there must be n_fft = ", how.n_fft,
          " samples, with those added, got ", samples);
  Shape shape = x.shape();
  shape[x.ndim() - 1] = (samples - how.n_fft) / how.hop + 1;
  Strides strides = contiguous_strides(x.shape());
  strides[x.ndim() - 1] = how.hop;
  shape.push_back(how.n_fft);
  strides.push_back(1);
  return as_strided(x, shape, strides, 0);
}

// (..., frames, n_fft) -> (..., samples): what frames have in common is added.
Array overlapped(const Array& frames, int64_t hop) {
  int64_t count = frames.shape(frames.ndim() - 2), n = frames.shape().back();
  require<MemoryError>(count <= kFar, "istft: there must be fewer than 2^31 ",
                       "frames, got ", count);
  int64_t samples = n + hop * (count - 1);
  auto steps = [](int64_t size) {
    return arange(0, static_cast<double>(size), 1, Dtype::int64);
  };
  Array starts = steps(count) * Array::scalar(hop, Dtype::int64);
  Array places = flatten(expand_dims(starts, {1}) + steps(n));
  Array values = flatten(frames, -2, -1);
  Shape shape = values.shape(), line(shape.size(), 1);
  line[shape.size() - 1] = count * n;
  Array indices = broadcast_to(reshape(places, std::move(line)), shape);
  shape[shape.size() - 1] = samples;
  return add_along_axis(zeros(shape, values.dtype()), indices, values, -1);
}

}  // namespace

Array stft(const Array& x, const ShortTime& how, std::optional<PadMode> mode) {
  check(how);
  require(x.ndim() > 0, "stft: x must have an axis, got shape ", x.shape());
  bool complex = is_complex(x.dtype());
  require(!how.onesided || !complex,
          "stft: onesided must be False for complex numbers, got True");
  Array y = complex ? x : astype(x, Dtype::float32);
  if (how.center) y = padded(y, how.n_fft / 2, how.n_fft / 2, mode);
  FourierCall call{how.name,
                   how.onesided ? Fourier::from_real : Fourier::complex, false,
                   how.norm};
  Array frames = frames_of(y, how) * window_of(how);
  return swapaxes(fourier(call, frames, {}, Shape{-1}), -1, -2);
}

Array istft(const Array& x, const ShortTime& how,
            std::optional<int64_t> length) {
  check(how);
  require(!length || *length >= 0, "istft: length must not be negative, got ",
          length.value_or(0));
  require(x.ndim() >= 2, "istft: stft_matrix must have at least 2 dimensions, ",
          "got shape ", x.shape());
  int64_t bins = x.shape(x.ndim() - 2), count = x.shape().back();
  int64_t wanted = how.onesided ? how.n_fft / 2 + 1 : how.n_fft;
  require(bins == wanted && count > 0, "istft: stft_matrix must have ", wanted,
          " frequencies for n_fft = ", how.n_fft, ", and a frame, got shape ",
          x.shape());
  FourierCall call{how.name, how.onesided ? Fourier::to_real : Fourier::complex,
                   true, how.norm};
  Array window = window_of(how);
  Array frames =
      fourier(call, swapaxes(x, -1, -2), Shape{how.n_fft}, Shape{-1});
  Array signal = overlapped(frames * window, how.hop);
  Array weights =
      overlapped(broadcast_to(square(window), {count, how.n_fft}), how.hop);
  Array tiny = Array::scalar(0x1p-126, Dtype::float32);
  Array reached = greater(weights, tiny);
  signal = where(reached, signal / where(reached, weights, ones_like(weights)),
                 Array::scalar(0.0, signal.dtype()));
  int64_t samples = signal.shape().back();
  int64_t begin = how.center ? how.n_fft / 2 : 0;
  int64_t end = samples - begin;
  if (length) end = begin + std::min(*length, samples - begin);
  Array kept = part(signal, begin, std::max(begin, end));
  int64_t missing = length ? *length - kept.shape().back() : 0;
  return missing > 0 ? padded(kept, 0, missing) : kept;
}

}  // namespace ingot
