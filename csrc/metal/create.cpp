// Arrays from nothing on Metal: constants, ranges, identity.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <cstring>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// A number as an element of a type, in the lowest bytes.
uint64_t bits_of(Number value, Dtype dtype) {
  uint64_t bits = 0;
  dispatch(dtype, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T element = value.as<T>();
    std::memcpy(&bits, &element, sizeof(element));
  });
  return bits;
}

Float64 parts_of(double x) {
  int exponent = 0;
  double fraction = std::frexp(std::fabs(x), &exponent);
  return {static_cast<uint64_t>(std::ldexp(fraction, 53)), exponent - 53,
          std::signbit(x)};
}

template <class Args>
void run(const char* name, const char* type, const Args& args, Array& out) {
  encoder().dispatch({
      .pipeline = pipeline("create", name, {type}),
      .operands = {{out, true}},
      .args = &args,
      .args_size = sizeof(args),
      .groups = groups_for(out.size()),
      .threads = kGroup,
  });
}

}  // namespace

void MetalBackend::fill(Number value, Array& out) {
  FillArgs args = {static_cast<uint64_t>(out.size()),
                   bits_of(value, out.dtype())};
  run("fill", metal_word(out.itemsize()), args, out);
}

void MetalBackend::arange(double start, double step, Array& out) {
  const char* type = metal_type(out.dtype());
  double end = start + static_cast<double>(out.size()) * step;
  // What is beyond is up to the CPU.
  double most = is_integer(out.dtype()) ? 0x1p63 : INFINITY;
  bool fits = std::fabs(start) < most && std::fabs(end) < most &&
              out.size() <= int64_t{1} << 53;
  if (!type || !fits) {
    return on_cpu("arange", {out},
                  [&](Backend& b) { b.arange(start, step, out); });
  }
  ArangeArgs args = {static_cast<uint64_t>(out.size()), parts_of(start),
                     parts_of(step)};
  run("arange", type, args, out);
}

void MetalBackend::eye(int64_t diagonal, Array& out) {
  EyeArgs args = {static_cast<uint64_t>(out.size()),
                  static_cast<uint64_t>(out.shape(1)), diagonal,
                  bits_of({1, 1}, out.dtype())};
  run("eye", metal_word(out.itemsize()), args, out);
}

}  // namespace ingot::metal
