// Vectorised draws: words of the generator made into deviates a tile at a time.
// Built once per instruction set.
// SPDX-License-Identifier: MIT
#include "metal/random.h"

#include "csrc/cpu/simd.h"

namespace ingot::cpu::INGOT_SIMD {
namespace {

constexpr int64_t kTile = 512;

template <class T>
struct Compute {
  using type = float;
};
template <>
struct Compute<double> {
  using type = double;
};

// The largest number below 1.
template <class T>
inline constexpr float below_one = 0.99999994f;
template <>
inline constexpr float below_one<Half> = 0.99951172f;
template <>
inline constexpr float below_one<Bfloat16> = 0.99609375f;

// GCC does not vectorise conversions of _Float16; the instructions do.
void to_type(const float* x, Half* out, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    __m128i bits = _mm256_cvtps_ph(_mm256_loadu_ps(x + i), 0);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out + i), bits);
  }
#endif
  for (; i < n; ++i) out[i] = Half(x[i]);
}
void to_float(const Half* x, float* out, int64_t n) {
  int64_t i = 0;
#if defined(__F16C__)
  for (; i + 8 <= n; i += 8) {
    __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + i));
    _mm256_storeu_ps(out + i, _mm256_cvtph_ps(bits));
  }
#endif
  for (; i < n; ++i) out[i] = static_cast<float>(x[i]);
}
void to_type(const float* x, Bfloat16* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = Bfloat16(x[i]);
}
void to_float(const Bfloat16* x, float* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<float>(x[i]);
}

// Half types round after each operation, as if they had arithmetic of their
// own.
template <class T>
void round_half(float* x, int64_t n) {
  T half[kTile];
  to_type(x, half, n);
  to_float(half, x, n);
}

// Few numbers lie in the tails, where erfinv costs more: groups that have none
// get the same bits from the cheaper function of the center.
constexpr int64_t kGroup = 32;
constexpr float kCenter = 0.9966f;

void erfinv(float* x, int64_t n) {
  int64_t at = 0;
  for (; at + kGroup <= n; at += kGroup) {
    uint32_t most = 0;  // as bits, which vectorise
    for (int64_t i = at; i < at + kGroup; ++i) {
      most = max(most, as_type<uint32_t>(abs(x[i])));
    }
    if (most >= as_type<uint32_t>(kCenter)) {
      for (int64_t i = at; i < at + kGroup; ++i) x[i] = math::erfinv(x[i]);
    } else {
      for (int64_t i = at; i < at + kGroup; ++i) {
        x[i] = math::erfinv_of_center(x[i]);
      }
    }
  }
  for (; at < n; ++at) x[at] = math::erfinv(x[at]);
}
void erfinv(double* x, int64_t n) {
  for (int64_t i = 0; i < n; ++i) x[i] = math::erfinv(x[i]);
}

template <class T, class C>
struct Draw {
  static constexpr bool half = sizeof(T) == 2;
  const RandomArgs& args;

  static void rounded(C* x, int64_t n) {
    if constexpr (half) round_half<T>(x, n);
  }

  static C uniform(uint32_t word) {
    if constexpr (sizeof(C) == 8) {
      return static_cast<C>(word) * 0x1p-32;
    } else {
      return bits_to_uniform(word);
    }
  }

  // x * scale + shift
  void affine(C* x, int64_t n) const {
    C scale = static_cast<C>(args.scale), shift = static_cast<C>(args.shift);
    if constexpr (half) {
      for (int64_t i = 0; i < n; ++i) x[i] *= scale;
      rounded(x, n);
      for (int64_t i = 0; i < n; ++i) x[i] += shift;
      rounded(x, n);
    } else {
      for (int64_t i = 0; i < n; ++i) x[i] = x[i] * scale + shift;
    }
  }

  // Uniform numbers, scaled and shifted.
  void uniforms(const uint32_t* words, C* x, int64_t n) const {
    if constexpr (half) {
      for (int64_t i = 0; i < n; ++i) x[i] = uniform(words[i]);
      rounded(x, n);
      for (int64_t i = 0; i < n; ++i) x[i] = min(x[i], below_one<T>);
      affine(x, n);
    } else {
      C scale = static_cast<C>(args.scale), shift = static_cast<C>(args.shift);
      for (int64_t i = 0; i < n; ++i) x[i] = uniform(words[i]) * scale + shift;
    }
  }

  void normal(const uint32_t* words, C* x, int64_t n) const {
    for (int64_t i = 0; i < n; ++i) {
      x[i] = uniform_to_symmetric(bits_to_uniform(words[i]));
    }
    erfinv(x, n);
    rounded(x, n);
    affine(x, n);
  }

  void truncated_normal(const uint32_t* words, C* x, int64_t n) const {
    uniforms(words, x, n);
    erfinv(x, n);
    rounded(x, n);
    C root = static_cast<C>(args.root);
    C low = static_cast<C>(args.low), high = static_cast<C>(args.high);
    for (int64_t i = 0; i < n; ++i) x[i] *= root;
    rounded(x, n);
    for (int64_t i = 0; i < n; ++i) {  // NaN stays, and the loop vectorises
      C y = x[i] >= high ? high : x[i];
      x[i] = y <= low ? low : y;
    }
  }

  template <DistributionKind kind>
  void deviates(const uint32_t* words, C* x, int64_t n) const {
    if constexpr (kind == DistributionKind::uniform) {
      uniforms(words, x, n);
    } else if constexpr (kind == DistributionKind::normal) {
      normal(words, x, n);
    } else {
      truncated_normal(words, x, n);
    }
  }
};

template <DistributionKind kind, class T>
void store(const RandomArgs& args, const uint32_t* words, T* out, int64_t n) {
  using C = typename Compute<T>::type;
  Draw<T, C> draw = {args};
  if constexpr (sizeof(T) == 2) {
    C wide[kTile];
    draw.template deviates<kind>(words, wide, n);
    to_type(wide, out, n);
  } else {
    draw.template deviates<kind>(words, out, n);
  }
}

void words_of(const RandomArgs& args, uint32_t c0, uint32_t c1, uint32_t* x0,
              uint32_t* x1, int64_t n) {
  uint32_t k0 = args.k0, k1 = args.k1;
  INGOT_IVDEP
  for (int64_t i = 0; i < n; ++i) {
    uint32_t at = static_cast<uint32_t>(i);
    Bits2 words = threefry2x32(k0, k1, c0 + at, c1 + at);
    x0[i] = words.x0;
    x1[i] = words.x1;
  }
}

template <DistributionKind kind, class T>
void pairs(const RandomArgs& args, uint32_t c0, uint32_t c1, void* first,
           void* second, int64_t n) {
  T* to[2] = {static_cast<T*>(first), static_cast<T*>(second)};
  uint32_t words[2][kTile];
  for (int64_t at = 0; at < n; at += kTile) {
    int64_t count = n - at < kTile ? n - at : kTile;
    uint32_t offset = static_cast<uint32_t>(at);
    words_of(args, c0 + offset, c1 + offset, words[0], words[1], count);
    store<kind>(args, words[0], to[0] + at, count);
    store<kind>(args, words[1], to[1] + at, count);
  }
}

void pairs_of_bits(const RandomArgs& args, uint32_t c0, uint32_t c1,
                   void* first, void* second, int64_t n) {
  words_of(args, c0, c1, static_cast<uint32_t*>(first),
           static_cast<uint32_t*>(second), n);
}

template <DistributionKind kind>
void fill_row(Kernels& k) {
  RandomKernel* row = k.random[static_cast<int>(kind)];
  row[static_cast<int>(Dtype::float16)] = pairs<kind, Half>;
  row[static_cast<int>(Dtype::bfloat16)] = pairs<kind, Bfloat16>;
  row[static_cast<int>(Dtype::float32)] = pairs<kind, float>;
  row[static_cast<int>(Dtype::float64)] = pairs<kind, double>;
}

}  // namespace

void fill_random(Kernels& k) {
  fill_row<DistributionKind::uniform>(k);
  fill_row<DistributionKind::normal>(k);
  fill_row<DistributionKind::truncated_normal>(k);
  k.random[static_cast<int>(DistributionKind::bits)]
          [static_cast<int>(Dtype::uint32)] = pairs_of_bits;
}

}  // namespace ingot::cpu::INGOT_SIMD
