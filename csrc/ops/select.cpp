// Selections: a few elements of an order, without bringing all into it.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/along_last.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Along the last axis.
class Select final : public Op {
 public:
  Select(Selection what, bool indices, const char* name)
      : what_(what), indices_(indices), name_(name) {}
  const char* name() const override { return name_; }
  std::optional<Saved> saved() const override {
    return Saved{"select",
                 {what_.begin, what_.end, what_.rest, indices_, name_}};
  }
  bool stops_gradient() const override { return indices_; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    if (out[0].size() > 0) {
      backend.select_ranks(what_, indices_, in[0], out[0]);
    }
  }

  // Each element goes back to where it came from.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Array zero = zeros(in[0].shape(), cotangents[0].dtype());
    return {put_along_axis(zero, make(what_, true, in[0], name_), cotangents[0],
                           -1)};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }

  static Array make(Selection what, bool indices, const Array& x,
                    const char* name) {
    int64_t n = x.shape().back();
    require(!indices || n - 1 <= int64_t{UINT32_MAX}, name,
            ": indices must fit uint32, got shape ", x.shape());
    Shape shape = x.shape();
    if (!what.rest) shape.back() = what.end - what.begin;
    return make_array(std::make_shared<Select>(what, indices, name),
                      std::move(shape), indices ? Dtype::uint32 : x.dtype(),
                      {x});
  }

 private:
  Selection what_;
  bool indices_;
  const char* name_;
};

Array partition(const Array& x, int64_t kth, std::optional<int64_t> axis,
                bool indices, const char* op) {
  int64_t n = x.size();
  if (axis) n = x.shape(normalize_axis(*axis, x.ndim(), op));
  require(kth >= -n && kth < n, op, ": kth must be in [", -n, ", ", n,
          "), got ", kth);
  int64_t at = kth < 0 ? kth + n : kth;
  return along_last(x, axis, op, [=](const Array& y) {
    return Select::make({at, at + 1, true}, indices, y, op);
  });
}

}  // namespace

Array partition(const Array& x, int64_t kth, std::optional<int64_t> axis) {
  return partition(x, kth, axis, false, "partition");
}

Array argpartition(const Array& x, int64_t kth, std::optional<int64_t> axis) {
  return partition(x, kth, axis, true, "argpartition");
}

Array selected(Selection what, bool indices, const Array& x, const char* name) {
  require(x.ndim() > 0, name, ": x must have an axis, got shape ", x.shape());
  int64_t n = x.shape().back();
  require(what.begin >= 0 && what.begin <= what.end && what.end <= n &&
              (!what.rest || what.end == what.begin + 1),
          name, ": ranks must be in [0, ", n, "), got ", what.begin, " to ",
          what.end);
  return Select::make(what, indices, x, name);
}

Array topk(const Array& x, int64_t k, std::optional<int64_t> axis) {
  return along_last(x, axis, "topk", [=](const Array& y) {
    int64_t n = y.shape().back();
    require(k >= 0 && k <= n, "topk: k must be in [0, ", n, "], got ", k);
    return Select::make({n - k, n}, false, y, "topk");
  });
}

// The mean of the two elements in the middle, which may be one; NaN if there is
// any.
Array median(const Array& x, const Axes& axes, bool keepdims) {
  Shape along(x.ndim());
  std::iota(along.begin(), along.end(), 0);
  if (axes) along = normalize_axes(*axes, x.ndim(), "median");
  Shape order, shape, kept;
  int64_t n = 1;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    bool reduced = std::find(along.begin(), along.end(), i) != along.end();
    if (!reduced) order.push_back(i);
    if (!reduced || keepdims) kept.push_back(reduced ? 1 : x.shape(i));
    if (reduced) n *= x.shape(i);
  }
  require(n > 0, "median: the axes reduced must not be empty, got shape ",
          x.shape());
  for (int64_t i : order) shape.push_back(x.shape(i));
  shape.push_back(n);
  for (int64_t i : along) order.push_back(i);
  int64_t first = (n - 1) / 2, last = n / 2;
  Array rows = reshape(transpose(x, order), shape);
  Array selected = Select::make({first, last + 1}, false, rows, "median");
  Dtype dtype = floating(x.dtype()), compute = compute_type(dtype);
  auto element = [&](int64_t i) {
    Shape start(rows.ndim()), stop = selected.shape(), step(rows.ndim(), 1);
    start.back() = i;
    stop.back() = i + 1;
    return astype(slice(selected, start, stop, step), compute);
  };
  Array half = Array::scalar(0.5, compute);
  Array middle = element(0) * half + element(last - first) * half;
  if (is_floating(x.dtype())) {
    Array highest = max(stop_gradient(rows), Shape{-1}, true);
    highest = astype(highest, compute);
    middle = where(isnan(highest), highest, middle);
  }
  return reshape(astype(middle, dtype), kept);
}

}  // namespace ingot
