// The headers that the CPU and Metal share, on both: the bits must be equal.
// SPDX-License-Identifier: MIT
#include <metal/args.h>
#include <metal/ops/unary.h>

#include <cstring>
#include <metal/rules/rules.def>

#include "host.h"

#pragma clang fp contract(off)

static std::vector<float> samples() {
  std::vector<float> x;
  for (int i = 0; i < 500; ++i) x.push_back((float(i) - 250.0f) * 0.037f);
  for (float v : {1e-30f, -1e30f, 1e38f, __builtin_inff(), -0.0f, 88.7f}) {
    x.push_back(v);
  }
  return x;
}

static bool same_bits(float x, float y) {
  return std::memcmp(&x, &y, 4) == 0 || (x != x && y != y);
}

template <class F>
void check_unary(Gpu& gpu, const std::string& name) {
  std::vector<float> x = samples();
  Buffer in = gpu.of(x), out = gpu.buffer(x.size() * 4);
  Pipeline pipeline = gpu.pipeline(name + "_f32");
  CHECK(run(gpu, pipeline, x.size(), 64, {in, out}) == "");
  for (size_t i = 0; i < x.size(); ++i) {
    float expected = F::apply(x[i]), got = data<float>(out)[i];
    if (same_bits(got, expected)) continue;
    fail(name + " of " + std::to_string(x[i]) + ": must be " +
         std::to_string(expected) + ", got " + std::to_string(got));
  }
}

CASE(shared_functions) {
#define UNARY(F) check_unary<ingot::F>(gpu, #F);
  UNARY(Exp)
  UNARY(Expm1)
  UNARY(Log)
  UNARY(Log1p)
  UNARY(Sin)
  UNARY(Cos)
  UNARY(Tan)
  UNARY(ArcSin)
  UNARY(ArcTan)
  UNARY(Tanh)
  UNARY(ArcSinh)
  UNARY(Erf)
  UNARY(ErfInv)
  UNARY(Sigmoid)
  UNARY(Rsqrt)
  UNARY(Round)
#undef UNARY
}

template <class Rule>
void check_rule(Gpu& gpu, const std::string& name) {
  constexpr unsigned n = 100;
  constexpr int slots = Rule::slots;
  std::vector<float> w = numbers(n), g = numbers(n + 3), state(n * 2 + 1);
  g.erase(g.begin(), g.begin() + 3);
  typename Rule::template Settings<float> settings;
  for (size_t i = 0; i < sizeof(settings) / 4; ++i) {
    reinterpret_cast<float*>(&settings)[i] = 0.5f / float(i + 1);
  }
  Buffer gw = gpu.of(w), gg = gpu.of(g), gs = gpu.of(state);
  Pipeline pipeline = gpu.pipeline("update_" + name);
  for (int step = 0; step < 3; ++step) {
    CHECK(run(gpu, pipeline, n, 64, {gw, gg, gs, settings, n}) == "");
    for (unsigned i = 0; i < n; ++i) {
      ingot::Element<float, slots> e;
      e.w = w[i];
      for (int k = 0; k < slots; ++k) e.s[k] = state[unsigned(k) * n + i];
      e = Rule::step(e, g[i], Rule::hyper(settings));
      w[i] = e.w;
      for (int k = 0; k < slots; ++k) state[unsigned(k) * n + i] = e.s[k];
      CHECK(same_bits(data<float>(gw)[i], w[i]));
    }
  }
}

CASE(shared_rules) {
#define RULE(type, name, slots, settings) check_rule<ingot::type>(gpu, #name);
#include <metal/rules/rules.def>
}

// Elements on both sides of 2^32, in axes on both sides of it.
CASE(shared_places) {
  Pipeline pipeline = gpu.pipeline("places_of");
  using Shape = std::vector<int64_t>;
  const int64_t long_axis = (int64_t{1} << 32) + 5;
  for (const Shape& shape :
       {Shape{}, Shape{7}, Shape{long_axis}, Shape{3, long_axis},
        Shape{long_axis, 3}, Shape{2, long_axis, 3}, Shape{70000, 3, 70000},
        Shape{5, 4, 3, 2, 5, 4, 3, 2}}) {
    ingot::StridedArgs args = {};
    args.ndim = static_cast<int32_t>(shape.size());
    uint64_t size = 1;
    for (size_t d = 0; d < shape.size(); ++d) {
      args.shape[d] = shape[d];
      args.strides[1][d] = d % 2 == 0 ? int64_t(d) * 1000003 + 1 : -77;
      size *= static_cast<uint64_t>(shape[d]);
    }
    std::vector<uint64_t> elements;
    const uint64_t edge = uint64_t{1} << 32;
    for (uint64_t i : {uint64_t{0}, uint64_t{1}, edge - 2, edge - 1, edge,
                       edge + 12345, size / 3, size - 1}) {
      elements.push_back(i % size);
    }
    Buffer in = gpu.of(elements), out = gpu.buffer(elements.size() * 8);
    CHECK(run(gpu, pipeline, elements.size(), 8, {in, out, args}) == "");
    for (size_t k = 0; k < elements.size(); ++k) {
      uint64_t rest = elements[k];
      int64_t expected = 0;
      for (size_t d = shape.size(); d-- > 0;) {
        auto n = static_cast<uint64_t>(shape[d]);
        expected += static_cast<int64_t>(rest % n) * args.strides[1][d];
        rest /= n;
      }
      CHECK(data<int64_t>(out)[k] == expected);
    }
  }
}
