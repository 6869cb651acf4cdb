// Scans on Metal: a thread for each of many short lines, else threadgroups for
// the parts of each line, which first find what comes before theirs.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <optional>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/layout.h"
#include "csrc/metal/library.h"

namespace ingot::metal {
namespace {

// Elements of a line that one thread takes alone, and lines beside each other
// that are enough to do so for longer ones.
constexpr int64_t kShortLine = 64;
constexpr int64_t kManyLines = 2048;
// Elements worth a threadgroup.
constexpr int64_t kLineWorth = 4 * kGroupElements;
// No total is larger: that of logcumsumexp.
constexpr int64_t kTotal = 16;

// The fold of an operation, in msl/fold.h or scan.metal; none for products of
// floats, which the CPU keeps in double.
const char* fold_of(ScanOp op, Dtype dtype) {
  switch (op) {
    case ScanOp::sum:
      return "Sum";
    case ScanOp::prod:
      return is_floating(dtype) ? nullptr : "Prod";
    case ScanOp::max:
      return "Max";
    case ScanOp::min:
      return "Min";
    case ScanOp::logsumexp:
      break;
  }
  return "LogSumExp";
}

// Where they fit.
std::optional<ScanArgs> args_of(const Scan& what, const Array& x) {
  Axes lines;
  ScanArgs args = {};
  args.lines = args.inner = 1;
  args.count = static_cast<uint64_t>(x.shape(what.axis));
  args.stride = x.strides()[what.axis];
  args.reverse = what.reverse;
  args.inclusive = what.inclusive;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (i == what.axis) continue;
    lines.add(x.shape(i), x.strides()[i]);
    args.lines *= static_cast<uint64_t>(x.shape(i));
    if (i > what.axis) args.inner *= static_cast<uint64_t>(x.shape(i));
  }
  if (lines.shape.size() > kMaxDims) return {};
  args.ndim = static_cast<int32_t>(lines.shape.size());
  lines.store(args.shape, args.strides);
  return args;
}

}  // namespace

void MetalBackend::scan(const Scan& what, const Array& x, Array& out) {
  auto args = args_of(what, x);
  const char* type = metal_type(x.dtype());
  const char* fold = fold_of(what.op, x.dtype());
  if (!type || !fold || !args) {
    return on_cpu("scan", {x, out}, [&](Backend& b) { b.scan(what, x, out); });
  }
  if (out.size() == 0) return;
  const char* in = is_floating(x.dtype()) ? "float" : type;
  auto dispatch = [&](const char* name, std::vector<Operand> operands,
                      int64_t groups) {
    encoder().dispatch({.pipeline = pipeline("scan", name, {fold, type, in}),
                        .operands = std::move(operands),
                        .args = &*args,
                        .args_size = sizeof(*args),
                        .groups = groups,
                        .threads = kGroup});
  };
  auto lines = static_cast<int64_t>(args->lines);
  auto count = static_cast<int64_t>(args->count);
  if (count <= kShortLine || (args->inner > 1 && lines >= kManyLines)) {
    return dispatch("scan_each", {{x}, {out, true}},
                    (lines + kGroup - 1) / kGroup);
  }
  int64_t parts = std::clamp<int64_t>(kGroups / lines, 1,
                                      std::max(int64_t{1}, count / kLineWorth));
  args->parts = static_cast<uint32_t>(parts);
  args->chunk = static_cast<uint64_t>((count + parts - 1) / parts);
  Array totals = Array::empty({lines * parts * kTotal}, Dtype::uint8);
  if (parts > 1) {
    dispatch("scan_totals", {{x}, {totals, true}}, lines * parts);
  }
  dispatch("scan", {{x}, {totals}, {out, true}}, lines * parts);
}

}  // namespace ingot::metal
