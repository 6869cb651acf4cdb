// Every header that the CPU and Metal share, as a kernel that uses it.
// SPDX-License-Identifier: MIT
#include <metal_stdlib>
#pragma clang fp contract(off)

#include "math.h"
#include "msl/index.h"
#include "ops/binary.h"
#include "ops/integer.h"
#include "ops/unary.h"
#include "random.h"
#include "rules/rules.def"
#include "shim.h"

template <class F, class T>
[[kernel]] void unary(device const T* x [[buffer(0)]],
                      device T* y [[buffer(1)]],
                      uint i [[thread_position_in_grid]]) {
  y[i] = T(F::apply(x[i]));
}
#define UNARY(F)                               \
  template [[host_name(#F "_f32")]] [[kernel]] \
  decltype(unary<ingot::F, float>) unary<ingot::F, float>;
UNARY(Abs)
UNARY(Negative)
UNARY(Sign)
UNARY(Square)
UNARY(Reciprocal)
UNARY(Sqrt)
UNARY(Rsqrt)
UNARY(Exp)
UNARY(Exp2)
UNARY(Expm1)
UNARY(Log)
UNARY(Log2)
UNARY(Log10)
UNARY(Log1p)
UNARY(Sin)
UNARY(Cos)
UNARY(Tan)
UNARY(ArcSin)
UNARY(ArcCos)
UNARY(ArcTan)
UNARY(Sinh)
UNARY(Cosh)
UNARY(Tanh)
UNARY(ArcSinh)
UNARY(ArcCosh)
UNARY(ArcTanh)
UNARY(Erf)
UNARY(ErfInv)
UNARY(Sigmoid)
UNARY(Floor)
UNARY(Ceil)
UNARY(Trunc)
UNARY(Round)
UNARY(LogicalNot)
UNARY(IsNan)
UNARY(IsInf)
UNARY(IsFinite)
UNARY(IsNegInf)
UNARY(IsPosInf)

template <class F, class T>
[[kernel]] void binary(device const T* x [[buffer(0)]],
                       device const T* y [[buffer(1)]],
                       device T* z [[buffer(2)]],
                       uint i [[thread_position_in_grid]]) {
  z[i] = T(F::apply(x[i], y[i]));
}
#define BINARY(F, T)                           \
  template [[host_name(#F "_" #T)]] [[kernel]] \
  decltype(binary<ingot::F, T>) binary<ingot::F, T>;
#define ARITHMETIC(T)     \
  BINARY(Add, T)          \
  BINARY(Subtract, T)     \
  BINARY(Multiply, T)     \
  BINARY(FloorDivide, T)  \
  BINARY(Remainder, T)    \
  BINARY(Power, T)        \
  BINARY(Maximum, T)      \
  BINARY(Minimum, T)      \
  BINARY(Equal, T)        \
  BINARY(NotEqual, T)     \
  BINARY(Less, T)         \
  BINARY(LessEqual, T)    \
  BINARY(Greater, T)      \
  BINARY(GreaterEqual, T) \
  BINARY(LogicalAnd, T)   \
  BINARY(LogicalOr, T)    \
  BINARY(LogicalXor, T)
ARITHMETIC(float)
ARITHMETIC(int)
ARITHMETIC(uint)
ARITHMETIC(long)
ARITHMETIC(ulong)
ARITHMETIC(short)
ARITHMETIC(uchar)
BINARY(Divide, float)
BINARY(LogAddExp, float)
BINARY(ArcTan2, float)
#define BITWISE(T)      \
  BINARY(BitwiseAnd, T) \
  BINARY(BitwiseOr, T)  \
  BINARY(BitwiseXor, T) \
  BINARY(LeftShift, T)  \
  BINARY(RightShift, T)
BITWISE(int)
BITWISE(uint)
BITWISE(long)
BITWISE(ulong)

template <class Rule>
[[kernel]] void update(
    device float* w [[buffer(0)]], device const float* g [[buffer(1)]],
    device float* state [[buffer(2)]],
    constant typename Rule::template Settings<float>& settings [[buffer(3)]],
    constant uint& n [[buffer(4)]], uint i [[thread_position_in_grid]]) {
  if (i >= n) return;
  ingot::Element<float, Rule::slots> e;
  e.w = w[i];
  for (int k = 0; k < Rule::slots; ++k) e.s[k] = state[uint(k) * n + i];
  e = Rule::step(e, g[i], Rule::hyper(settings));
  w[i] = e.w;
  for (int k = 0; k < Rule::slots; ++k) state[uint(k) * n + i] = e.s[k];
}
#define RULE(type, name, slots, settings)            \
  template [[host_name("update_" #name)]] [[kernel]] \
  decltype(update<ingot::type>) update<ingot::type>;
#include "rules/rules.def"

[[kernel]] void draw(device float* out [[buffer(0)]],
                     constant uint2& key [[buffer(1)]],
                     uint i [[thread_position_in_grid]],
                     uint n [[threads_per_grid]]) {
  float u = ingot::bits_to_uniform(ingot::random_word(key.x, key.y, i, n));
  out[i] = ingot::uniform_to_normal(u) +
           ingot::uniform_to_truncated_normal(u, -2.0f, 2.0f) +
           ingot::uniform_to_gumbel(u) + ingot::uniform_to_laplace(u);
}

// Of an operand with so many elements that no test could hold them.
[[kernel]] void places_of(device const ulong* elements [[buffer(0)]],
                          device long* places [[buffer(1)]],
                          constant ingot::StridedArgs& args [[buffer(2)]],
                          uint i [[thread_position_in_grid]]) {
  places[i] = ingot::offset_of(args, elements[i], 1);
}
