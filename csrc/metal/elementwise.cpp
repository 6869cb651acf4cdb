// Elementwise families on Metal, with copies.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/functors.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// One kernel over operands that have a layout in common.
void run(const char* prefix, const std::vector<std::string>& types,
         const Layout& layout, std::vector<Operand> operands) {
  std::string name = cat(prefix, layout.flat ? "_flat" : "_strided");
  Dispatch work = {
      .pipeline = pipeline("elementwise", name, types),
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

}  // namespace

void MetalBackend::unary(UnaryOp op, const Array& x, Array& out) {
  Layout layout({&x, &out});
  const char* type = metal_type(x.dtype());
  const char* to = metal_type(out.dtype());
  if (!type || !to || !layout.fits) {
    return on_cpu("unary", {x, out}, [&](Backend& b) { b.unary(op, x, out); });
  }
  run("unary", {functor(op), type, to}, layout, {{x}, {out, true}});
}

void MetalBackend::binary(BinaryOp op, const Array& a, const Array& b,
                          Array& out) {
  Layout layout({&a, &b, &out});
  const char* type = metal_type(a.dtype());
  const char* to = metal_type(out.dtype());
  if (!type || !to || !layout.fits) {
    return on_cpu("binary", {a, b, out},
                  [&](Backend& cpu) { cpu.binary(op, a, b, out); });
  }
  run("binary", {functor(op), type, to}, layout, {{a}, {b}, {out, true}});
}

void MetalBackend::select(const Array& condition, const Array& a,
                          const Array& b, Array& out) {
  Layout layout({&condition, &a, &b, &out});
  if (!layout.fits) {
    return on_cpu("select", {condition, a, b, out},
                  [&](Backend& cpu) { cpu.select(condition, a, b, out); });
  }
  layout.flat = false;
  run("select", {metal_word(out.itemsize())}, layout,
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
  run("copy", {from, to}, layout, {{x}, {out, true}});
}

Array MetalBackend::contiguous(const Array& x) {
  if (x.contiguous()) return x;
  Array made = Array::empty(x.shape(), x.dtype());
  copy(x, made);
  return made;
}

}  // namespace ingot::metal
