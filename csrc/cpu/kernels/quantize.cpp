// Vectorised loops of numbers in few bits: 32 codes fill as many words as they
// have bits, and are taken apart in the registers, 16 at a time. Built once per
// instruction set.
// SPDX-License-Identifier: MIT
#include "metal/quantize.h"

#include <utility>

#include "csrc/cpu/kernels/fold.h"
#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

constexpr int kLanes = 16;
constexpr int kUnit = 2 * kLanes;  // codes in as many words as a code has bits

template <class T>
using Lanes = typename VectorOf<T, kLanes>::type;
using Words = Lanes<uint32_t>;

template <class T>
INGOT_FN Lanes<T> load(const T* from) {
  Lanes<T> lanes;
  __builtin_memcpy(&lanes, from, sizeof lanes);
  return lanes;
}

template <class T>
INGOT_FN Lanes<T> splat(T x) {
  return Lanes<T>{} + x;
}

// Rounded once: for this file compilers may contract.
template <class T>
INGOT_FN Lanes<T> multiply_add(const Lanes<T>& a, const Lanes<T>& b,
                               const Lanes<T>& c) {
  return a * b + c;
}

// --- codes and what they stand for ---

template <int bits>
INGOT_FN Words load_unit(const uint32_t* from) {
  Words words = {};
  __builtin_memcpy(&words, from, bits * sizeof(uint32_t));
  return words;
}

// The codes from number `first` on of those that fill the words.
template <int bits, int first, int... lane>
INGOT_FN Words codes_of(Words words, std::integer_sequence<int, lane...>) {
  constexpr Words shift = {uint32_t((first + lane) * bits % 32)...};
  Words codes =
      __builtin_shufflevector(words, words, ((first + lane) * bits / 32)...) >>
      shift;
  if constexpr (32 % bits != 0) {  // some begin in one word and end in the next
    constexpr Words rest = {uint32_t(31 - (first + lane) * bits % 32)...};
    codes |= (__builtin_shufflevector(words, words,
                                      ((first + lane) * bits / 32 + 1)...)
              << 1)
             << rest;
  }
  return codes & ((1u << bits) - 1);
}

template <int bits, int first>
INGOT_FN Words codes_of(Words words) {
  return codes_of<bits, first>(words,
                               std::make_integer_sequence<int, kLanes>());
}

template <class T, int mode>
INGOT_FN Lanes<T> values_of(Words codes) {
  if constexpr (mode == kAffine) {
    return __builtin_convertvector(Lanes<int32_t>(codes), Lanes<T>);
  } else {
    uint32_t code[kLanes];
    float values[kLanes];
    __builtin_memcpy(code, &codes, sizeof code);
    for (int l = 0; l < kLanes; ++l) values[l] = float_value(code[l], mode);
    return __builtin_convertvector(load(values), Lanes<T>);
  }
}

// Calls f(number of the first, 16 numbers, half of a unit) along groups.
template <class T, int mode, int bits, class F>
INGOT_FN void for_lanes(const uint32_t* words, const T* scales, const T* biases,
                        int64_t groups, int64_t group, F&& f) {
  for (int64_t g = 0; g < groups; ++g) {
    Lanes<T> scale = splat(scales[g]), bias = {};
    if constexpr (mode == kAffine) bias = splat(biases[g]);
    auto number = [&](Words codes) {
      Lanes<T> values = values_of<T, mode>(codes);
      if constexpr (mode != kAffine) return values * scale;
      return multiply_add<T>(values, scale, bias);
    };
    if constexpr (mode == kNvfp4) {  // groups are half a unit
      f(g * kLanes, number(codes_of<4, 0>(load_unit<2>(words))), g % 2);
      words += 2;
      continue;
    }
    for (int64_t i = g * group; i < (g + 1) * group;
         i += kUnit, words += bits) {
      Words unit = load_unit<bits>(words);
      f(i, number(codes_of<bits, 0>(unit)), 0);
      f(i + kLanes, number(codes_of<bits, kLanes>(unit)), 1);
    }
  }
}

// Calls f<mode, bits>().
template <class F>
void with_format(const Quantization& how, F&& f) {
  switch (how.mode) {
    case Quantization::mxfp4:
      return f.template operator()<kMxfp4, 4>();
    case Quantization::mxfp8:
      return f.template operator()<kMxfp8, 8>();
    case Quantization::nvfp4:
      return f.template operator()<kNvfp4, 4>();
    case Quantization::affine:
      break;
  }
  switch (how.bits) {
    case 1:
      return f.template operator()<kAffine, 1>();
    case 2:
      return f.template operator()<kAffine, 2>();
    case 3:
      return f.template operator()<kAffine, 3>();
    case 4:
      return f.template operator()<kAffine, 4>();
    case 5:
      return f.template operator()<kAffine, 5>();
    case 6:
      return f.template operator()<kAffine, 6>();
    default:
      return f.template operator()<kAffine, 8>();
  }
}

template <class T>
void dequantize(const Quantization& how, const uint32_t* words,
                const void* scales, const void* biases, int64_t groups,
                void* out) {
  auto* to = static_cast<T*>(out);
  with_format(how, [&]<int mode, int bits>() {
    for_lanes<T, mode, bits>(words, static_cast<const T*>(scales),
                             static_cast<const T*>(biases), groups, how.group,
                             [&](int64_t i, const Lanes<T>& lanes, int) {
                               __builtin_memcpy(to + i, &lanes, sizeof lanes);
                             });
  });
}

// --- products ---

// Halves are added to each other down to one number.
template <class T>
INGOT_FN T sum_of(const Lanes<T>* halves) {
  T sums[kUnit];
  __builtin_memcpy(sums, halves, sizeof sums);
  for (int half = kUnit / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) sums[l] += sums[l + half];
  }
  return sums[0];
}

template <class T, int mode, int bits, int rows>
INGOT_FN void dot_rows(const uint32_t* words, const T* scales, const T* biases,
                       int64_t groups, int64_t group, const T* x, T* out,
                       int64_t out_stride) {
  Lanes<T> sums[rows][2] = {};
  int64_t n = groups * group;
  for_lanes<T, mode, bits>(words, scales, biases, groups, group,
                           [&](int64_t i, const Lanes<T>& lanes, int half) {
                             for (int r = 0; r < rows; ++r) {
                               Lanes<T>& sum = sums[r][half];
                               sum = multiply_add<T>(lanes, load(x + r * n + i),
                                                     sum);
                             }
                           });
  for (int r = 0; r < rows; ++r) out[r * out_stride] = sum_of<T>(sums[r]);
}

template <class T>
void quantized_dot(const Quantization& how, const uint32_t* words,
                   const void* scales, const void* biases, int64_t groups,
                   const void* x, int64_t rows, void* out, int64_t out_stride) {
  constexpr int kRows = 4;  // that share what is taken apart
  auto* s = static_cast<const T*>(scales);
  auto* b = static_cast<const T*>(biases);
  auto* from = static_cast<const T*>(x);
  auto* to = static_cast<T*>(out);
  int64_t n = groups * how.group, r = 0;
  with_format(how, [&]<int mode, int bits>() {
    for (; r + kRows <= rows; r += kRows) {
      dot_rows<T, mode, bits, kRows>(words, s, b, groups, how.group,
                                     from + r * n, to + r * out_stride,
                                     out_stride);
    }
    for (; r < rows; ++r) {
      dot_rows<T, mode, bits, 1>(words, s, b, groups, how.group, from + r * n,
                                 to + r * out_stride, out_stride);
    }
  });
}

// --- the way there ---

void pack(const uint32_t* codes, int64_t n, uint32_t bits, uint32_t* words) {
  uint64_t held = 0;
  uint32_t filled = 0;
  for (int64_t i = 0; i < n; ++i) {
    held |= static_cast<uint64_t>(codes[i]) << filled;
    filled += bits;
    if (filled >= 32) {
      *words++ = static_cast<uint32_t>(held);
      held >>= 32;
      filled -= 32;
    }
  }
}

template <class T>
void affine_codes(const T* w, int64_t n, int bits, uint32_t* codes, T* scale,
                  T* bias) {
  T low = fold_run<Min, Itself>(w + 1, n - 1, w[0]);
  T high = fold_run<Max, Itself>(w + 1, n - 1, w[0]);
  Affine<T> affine = affine_of(low, high, bits);
  for (int64_t i = 0; i < n; ++i) codes[i] = affine_code(w[i], affine, bits);
  *scale = affine.scale;
  *bias = affine.bias;
}

template <class T>
uint8_t float_codes(const T* w, int64_t n, int mode, uint32_t* codes) {
  T largest = 0;
  for (int64_t i = 0; i < n; ++i) largest = max(largest, abs(w[i]));
  uint32_t scale = scale_code(static_cast<float>(largest), mode);
  float value = scale_value(scale, mode);
  for (int64_t i = 0; i < n; ++i) {
    codes[i] = float_code(static_cast<float>(w[i]), value, mode);
  }
  return static_cast<uint8_t>(scale);
}

template <class T>
void quantize(const Quantization& how, const void* w, int64_t groups,
              uint32_t* words, void* scales, void* biases) {
  auto* from = static_cast<const T*>(w);
  int64_t n = how.group;
  uint32_t codes[kWidestGroup];
  for (int64_t g = 0; g < groups; ++g, from += n, words += n * how.bits / 32) {
    if (how.mode == Quantization::affine) {
      affine_codes(from, n, how.bits, codes, static_cast<T*>(scales) + g,
                   static_cast<T*>(biases) + g);
    } else {
      static_cast<uint8_t*>(scales)[g] = float_codes(from, n, how.mode, codes);
    }
    pack(codes, n, static_cast<uint32_t>(how.bits), words);
  }
}

template <class T>
void fill(Kernels& k, Dtype dtype) {
  int i = static_cast<int>(dtype);
  k.quantize[i] = quantize<T>;
  k.dequantize[i] = dequantize<T>;
  k.quantized_dot[i] = quantized_dot<T>;
}

}  // namespace

void fill_quantize(Kernels& k) {
  fill<float>(k, Dtype::float32);
  fill<double>(k, Dtype::float64);
}

}  // namespace ingot::cpu::INGOT_SIMD
