// Elementwise families on Metal, with copies and fills.
// SPDX-License-Identifier: MIT
#include <cstring>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

struct OpName {
  const char* functor;
  const char* kind;
};
constexpr OpName kUnaryNames[] = {
#define UNARY(name, Functor, kind, doc) {#Functor, #kind},
#include "csrc/ops.def"
};
constexpr OpName kBinaryNames[] = {
#define BINARY(name, Functor, kind, doc) {#Functor, #kind},
#include "csrc/ops.def"
};

// One kernel over operands that have a layout in common.
void run(const std::string& instantiation, const char* prefix,
         const std::string& types, const Layout& layout,
         std::vector<Operand> operands) {
  std::string name = cat(prefix, layout.flat ? "_flat_" : "_strided_", types);
  Dispatch work = {
      .pipeline = pipeline("elementwise", instantiation, name),
      .operands = std::move(operands),
      .args = &layout.strided_args,
      .args_size = sizeof(StridedArgs),
      .groups = groups_for(static_cast<int64_t>(layout.flat_args.size)),
      .threads = kGroup,
  };
  if (layout.flat) {
    work.args = &layout.flat_args;
    work.args_size = sizeof(FlatArgs);
  }
  encoder().dispatch(work);
}

template <class T>
uint64_t bits_of(T value) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(value));
  return bits;
}

}  // namespace

void MetalBackend::unary(UnaryOp op, const Array& x, Array& out) {
  Layout layout({&x, &out});
  const char* type = metal_type(x.dtype());
  if (!type || !layout.fits) {
    return on_cpu("unary", {x, out}, [&](Backend& b) { b.unary(op, x, out); });
  }
  OpName name = kUnaryNames[static_cast<int>(op)];
  run(cat("INGOT_UNARY_", name.kind, "(", name.functor, ")"), "unary", type,
      layout, {{x}, {out, true}});
}

void MetalBackend::binary(BinaryOp op, const Array& a, const Array& b,
                          Array& out) {
  Layout layout({&a, &b, &out});
  const char* type = metal_type(a.dtype());
  if (!type || !layout.fits) {
    return on_cpu("binary", {a, b, out},
                  [&](Backend& cpu) { cpu.binary(op, a, b, out); });
  }
  OpName name = kBinaryNames[static_cast<int>(op)];
  run(cat("INGOT_BINARY_", name.kind, "(", name.functor, ")"), "binary", type,
      layout, {{a}, {b}, {out, true}});
}

void MetalBackend::select(const Array& condition, const Array& a,
                          const Array& b, Array& out) {
  Layout layout({&condition, &a, &b, &out});
  if (!layout.fits) {
    return on_cpu("select", {condition, a, b, out},
                  [&](Backend& cpu) { cpu.select(condition, a, b, out); });
  }
  const char* word = metal_word(out.itemsize());
  layout.flat = false;
  run(cat("INGOT_SELECT(", word, ")"), "select", word, layout,
      {{condition}, {a}, {b}, {out, true}});
}

void MetalBackend::copy(const Array& x, Array& out) {
  Layout layout({&x, &out});
  bool moves = x.dtype() == out.dtype();
  const char* from = moves ? metal_word(x.itemsize()) : metal_type(x.dtype());
  const char* to = moves ? from : metal_type(out.dtype());
  if (!from || !to || !layout.fits) {
    return on_cpu("copy", {x, out}, [&](Backend& b) { b.copy(x, out); });
  }
  layout.flat = layout.flat && out.contiguous();
  run(cat("INGOT_COPY(", from, ", ", to, ")"), "copy", cat(from, "_", to),
      layout, {{x}, {out, true}});
}

Array MetalBackend::contiguous(const Array& x) {
  if (x.contiguous()) return x;
  Array made = Array::empty(x.shape(), x.dtype());
  copy(x, made);
  return made;
}

void MetalBackend::fill(Number value, Array& out) {
  FillArgs args = {static_cast<uint64_t>(out.size()), 0};
  dispatch(out.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, Bfloat16>) {
      args.bits = bits_of(T(static_cast<float>(value.real)));
    } else if constexpr (std::is_floating_point_v<T>) {
      args.bits = bits_of(static_cast<T>(value.real));
    } else {
      args.bits = bits_of(static_cast<T>(value.integer));
    }
  });
  const char* word = metal_word(out.itemsize());
  encoder().dispatch({
      .pipeline = pipeline("elementwise", cat("INGOT_FILL(", word, ")"),
                           cat("fill_", word)),
      .operands = {{out, true}},
      .args = &args,
      .args_size = sizeof(args),
      .groups = groups_for(out.size()),
      .threads = kGroup,
  });
}

}  // namespace ingot::metal
