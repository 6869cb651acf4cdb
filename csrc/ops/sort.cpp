// Sorting: stable, ascending, NaN last; and what is found by it.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Along the last axis.
class Sort final : public Op {
 public:
  const char* name() const override { return "sort"; }
  std::optional<Saved> saved() const override { return Saved{"sort", {}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.sort(in[0], out[0]);
  }

  // Element i went to place argsort(argsort(x))[i].
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {take_along_axis(cotangents[0], argsort(argsort(in[0])), -1)};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class ArgSort final : public Op {
 public:
  const char* name() const override { return "argsort"; }
  std::optional<Saved> saved() const override { return Saved{"argsort", {}}; }
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.argsort(in[0], out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

// Inputs: a vector and values, or several vectors (n, length) and values (n, ...)
// for each.
class SearchSorted final : public Op {
 public:
  explicit SearchSorted(bool right) : right_(right) {}
  const char* name() const override { return "searchsorted"; }
  std::optional<Saved> saved() const override {
    return Saved{"searchsorted", {right_}};
  }
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.searchsorted(in[0], in[1], right_, out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    if (!batch.has_axis[0] && batch.in[0].ndim() == 1) {
      return batch.build(batch.in);
    }
    Array sorted = batch.along(0), values = batch.along(1);
    if (sorted.ndim() == 2) return batch.build({sorted, values});
    sorted = flatten(sorted, 0, 1);
    values = flatten(values, 0, 1);
    Array y = make_array(std::make_shared<SearchSorted>(right_), values.shape(),
                         Dtype::uint32, {sorted, values});
    return {reshape(y, batch.shape())};
  }

 private:
  bool right_;
};

void require_kth(const Array& x, int64_t kth, std::optional<int64_t> axis,
                 const char* op) {
  int64_t n = x.size();
  if (axis) n = x.shape(normalize_axis(*axis, x.ndim(), op));
  require(kth >= -n && kth < n, op, ": kth must be in [", -n, ", ", n,
          "), got ", kth);
}

// Runs f on x with `axis` last, and moves it back.
template <class F>
Array along_last(const Array& x, std::optional<int64_t> axis, const char* name,
                 F&& f) {
  if (!axis) return f(reshape(x, {-1}));
  int64_t from = normalize_axis(*axis, x.ndim(), name);
  return moveaxis(f(moveaxis(x, from, -1)), -1, from);
}

}  // namespace

Array sort(const Array& x, std::optional<int64_t> axis) {
  static const auto op = std::make_shared<Sort>();
  return along_last(x, axis, "sort", [](const Array& y) {
    return make_array(op, y.shape(), y.dtype(), {y});
  });
}

Array argsort(const Array& x, std::optional<int64_t> axis) {
  static const auto op = std::make_shared<ArgSort>();
  return along_last(x, axis, "argsort", [](const Array& y) {
    require(y.shape(y.ndim() - 1) - 1 <= int64_t{UINT32_MAX},
            "argsort: indices must fit uint32, got shape ", y.shape());
    return make_array(op, y.shape(), Dtype::uint32, {y});
  });
}

// All of the elements in order are more than was asked for, and take longer than
// selection would, but are the same on every device.
Array partition(const Array& x, int64_t kth, std::optional<int64_t> axis) {
  require_kth(x, kth, axis, "partition");
  return sort(x, axis);
}

Array argpartition(const Array& x, int64_t kth, std::optional<int64_t> axis) {
  require_kth(x, kth, axis, "argpartition");
  return argsort(x, axis);
}

Array topk(const Array& x, int64_t k, std::optional<int64_t> axis) {
  return along_last(x, axis, "topk", [=](const Array& y) {
    int64_t last = y.ndim() - 1, n = y.shape(last);
    require(k >= 0 && k <= n, "topk: k must be in [0, ", n, "], got ", k);
    Shape start(y.ndim()), step(y.ndim(), 1);
    start[last] = n - k;
    return slice(sort(y, -1), start, y.shape(), step);
  });
}

// The mean of the two elements in the middle, which may be one; NaN if there is
// any, since that comes last.
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
  Array rows = sort(reshape(transpose(x, order), shape), -1);
  Dtype dtype = floating(x.dtype()), compute = compute_type(dtype);
  auto element = [&](int64_t i) {
    Shape start(rows.ndim()), stop = rows.shape(), step(rows.ndim(), 1);
    start[rows.ndim() - 1] = i;
    stop[rows.ndim() - 1] = i + 1;
    return astype(slice(rows, start, stop, step), compute);
  };
  Array half = Array::scalar(0.5, compute);
  Array middle = element((n - 1) / 2) * half + element(n / 2) * half;
  if (is_floating(x.dtype())) {
    Array last = element(n - 1);
    middle = where(isnan(last), last, middle);
  }
  return reshape(astype(middle, dtype), kept);
}

Array searchsorted(const Array& sorted, const Array& values, bool right) {
  require(sorted.ndim() == 1,
          "searchsorted: sorted_sequence must have one dimension, got shape ",
          sorted.shape());
  require(sorted.size() <= int64_t{UINT32_MAX},
          "searchsorted: indices must fit uint32, got shape ", sorted.shape());
  Dtype dtype = promote(sorted.dtype(), values.dtype());
  return make_array(std::make_shared<SearchSorted>(right), values.shape(),
                    Dtype::uint32,
                    {astype(sorted, dtype), astype(values, dtype)});
}

}  // namespace ingot
