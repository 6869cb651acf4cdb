// Reductions and softmax: arguments, result types and derivatives.
// SPDX-License-Identifier: MIT
#include <numeric>

#include "csrc/backend.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

const char* name_of(ReduceOp op) {
  constexpr const char* kNames[] = {"sum", "prod", "max", "min", "all",
                                    "any", "mean", "var", "std", "logsumexp"};
  return kNames[static_cast<int>(op)];
}

Dtype result_type(ReduceOp op, Dtype x) {
  switch (op) {
    case ReduceOp::sum:
    case ReduceOp::prod:
      return sum_type(x);
    case ReduceOp::max:
    case ReduceOp::min:
      return x;
    case ReduceOp::all:
    case ReduceOp::any:
      return Dtype::bool_;
    default:
      return floating(x);
  }
}

bool contains(const Shape& axes, int64_t axis) {
  return std::find(axes.begin(), axes.end(), axis) != axes.end();
}

// The shape left by a reduction over `axes`.
Shape reduced_shape(const Shape& shape, const Shape& axes, bool keepdims) {
  Shape result;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (!contains(axes, i)) {
      result.push_back(shape[i]);
    } else if (keepdims) {
      result.push_back(1);
    }
  }
  return result;
}

int64_t count(const Shape& shape, const Shape& axes) {
  int64_t n = 1;
  for (int64_t axis : axes) n *= shape[axis];
  return n;
}

// x with the given axes moved last and merged, and the way back.
class Merged {
 public:
  Merged(const Array& x, const Shape& axes) {
    for (int64_t i = 0; i < x.ndim(); ++i) {
      if (!contains(axes, i)) order_.push_back(i);
    }
    int64_t kept = order_.size();
    for (int64_t axis : axes) order_.push_back(axis);
    Array moved = transpose(x, order_);
    apart_ = moved.shape();
    Shape shape(apart_.begin(), apart_.begin() + kept);
    shape.push_back(count(x.shape(), axes));
    array = reshape(moved, shape);
  }

  Array restore(const Array& y) const {
    Shape inverse(order_.size());
    for (int64_t i = 0; i < order_.size(); ++i) inverse[order_[i]] = i;
    return transpose(reshape(y, apart_), inverse);
  }

  Array array;

 private:
  Shape order_, apart_;
};

// x moved `by` places towards the end of the last axis (the start, if
// negative); ones come in.
Array shifted(const Array& x, int64_t by) {
  int64_t last = x.ndim() - 1, n = x.shape(last);
  Shape start(x.ndim()), stop = x.shape(), step(x.ndim(), 1), gap = x.shape();
  gap[last] = std::abs(by);
  Array fill = ones(gap, x.dtype());
  if (by > 0) {
    stop[last] = n - by;
    return concatenate({fill, slice(x, start, stop, step)}, last);
  }
  start[last] = -by;
  return concatenate({slice(x, start, stop, step), fill}, last);
}

// For each element the product of those before it along the last axis (after
// it, if direction is -1), in log n multiplications.
Array running_product(const Array& x, int64_t direction) {
  Array y = shifted(x, direction);
  for (int64_t by = 1; by < x.shape(x.ndim() - 1); by *= 2) {
    y = y * shifted(y, direction * by);
  }
  return y;
}

// For each element the product of all others: exact around zeros, where a
// quotient of products is not, and so at every order of derivative.
Array product_of_others(const Array& x, const Shape& axes) {
  Merged merged(x, axes);
  const Array& rows = merged.array;
  return merged.restore(running_product(rows, 1) * running_product(rows, -1));
}

class Reduce final : public Op {
 public:
  explicit Reduce(Reduction what) : what_(std::move(what)) {}
  const char* name() const override { return name_of(what_.op); }
  std::optional<Saved> saved() const override {
    return Saved{"reduce", {what_.op, what_.axes, what_.ddof}};
  }
  bool stops_gradient() const override {
    return what_.op == ReduceOp::all || what_.op == ReduceOp::any;
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.reduce(what_, in[0], out[0]);
  }

  // Half types take their derivatives in float32: counts, squares and sums of
  // them soon leave their range.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Dtype dtype = compute_type(in[0].dtype());
    Shape kept = reduced_shape(in[0].shape(), what_.axes, true);
    Array x = astype(in[0], dtype);
    Array y = reshape(astype(out[0], dtype), kept);
    Array c = reshape(astype(cotangents[0], dtype), kept);
    return {astype(broadcast_to(gradient(x, y, c), x.shape()), in[0].dtype())};
  }

  Arrays vmap(const Batch& batch) const override {
    Reduction what = what_;
    what.axes = shifted(what_.axes);
    return batch.build(std::make_shared<Reduce>(std::move(what)), batch.in);
  }

 private:
  Array gradient(const Array& x, const Array& y, const Array& c) const {
    auto number = [&](double value) { return Array::scalar(value, x.dtype()); };
    double n = static_cast<double>(count(x.shape(), what_.axes));
    double freedom = std::max(n - static_cast<double>(what_.ddof), 0.0);
    switch (what_.op) {
      case ReduceOp::mean:
        return c / number(n);
      case ReduceOp::prod:
        return x.size() == 0 ? c : c * product_of_others(x, what_.axes);
      case ReduceOp::max:
      case ReduceOp::min: {  // equal extremes share
        Array extreme = equal(x, y);
        Array sharing = sum(astype(extreme, x.dtype()), what_.axes, true);
        return where(extreme, c / maximum(sharing, number(1)), number(0));
      }
      case ReduceOp::var:
        return c * number(2 / freedom) * (x - mean(x, what_.axes, true));
      case ReduceOp::std: {  // 0 where all elements are equal
        Array safe = where(equal(y, number(0)), number(1), y);
        return c / (number(freedom) * safe) * (x - mean(x, what_.axes, true));
      }
      case ReduceOp::logsumexp:
        return c * softmax(x, what_.axes);
      default:
        return c;
    }
  }

  Reduction what_;
};

class ArgReduce final : public Op {
 public:
  ArgReduce(ArgReduceOp op, int64_t axis) : op_(op), axis_(axis) {}
  const char* name() const override {
    return op_ == ArgReduceOp::max ? "argmax" : "argmin";
  }
  std::optional<Saved> saved() const override { return Saved{name(), {axis_}}; }
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.arg_reduce(op_, in[0], axis_, out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(std::make_shared<ArgReduce>(op_, axis_ + 1), batch.in);
  }

 private:
  ArgReduceOp op_;
  int64_t axis_;
};

// Along the last axis.
class Softmax final : public Op {
 public:
  const char* name() const override { return "softmax"; }
  std::optional<Saved> saved() const override { return Saved{"softmax", {}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.softmax(in[0], out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Dtype dtype = compute_type(in[0].dtype());
    Array y = astype(out[0], dtype);
    Array product = astype(cotangents[0], dtype) * y;
    Array total = sum(product, Shape{-1}, true);
    return {astype(product - y * total, in[0].dtype())};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class GlobalNorm final : public Op {
 public:
  explicit GlobalNorm(double scale) : scale_(scale) {}
  const char* name() const override { return "global_norm"; }
  std::optional<Saved> saved() const override {
    return Saved{"global_norm", {scale_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.global_norm(in, scale_, out[0]);
  }

  // scale * x / norm, 0 where the norm is. The norm itself, out / scale, may be
  // out of range.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Array zero = Array::scalar(0.0, out[0].dtype());
    Array one = Array::scalar(1.0, out[0].dtype());
    Array norm = where(equal(out[0], zero), one, out[0]);
    Array factor = Array::scalar(scale_ * scale_, out[0].dtype());
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(
          astype(cotangents[0] * (in[i] / norm * factor), in[i].dtype()));
    }
    return gradients;
  }

 private:
  double scale_;
};

Shape chosen_axes(const Array& x, const Axes& axes, const char* op) {
  if (axes) return normalize_axes(*axes, x.ndim(), op);
  Shape all(x.ndim());
  std::iota(all.begin(), all.end(), 0);
  return all;
}

Array reduce(ReduceOp op, const Array& x, const Axes& axes, bool keepdims,
             int64_t ddof = 0) {
  Reduction what{op, chosen_axes(x, axes, name_of(op)), ddof};
  Shape shape = reduced_shape(x.shape(), what.axes, keepdims);
  bool extreme =
      op == ReduceOp::max || op == ReduceOp::min || op == ReduceOp::logsumexp;
  require(!extreme || count(x.shape(), what.axes) > 0, name_of(op),
          ": the axes reduced must not be empty, got shape ", x.shape());
  if (is_complex(x.dtype())) {
    if (Array y = reduce_complex(what, x, keepdims)) return y;
  }
  Array y = op == ReduceOp::logsumexp ? astype(x, floating(x.dtype())) : x;
  if (what.axes.empty()) {  // one element each
    what.axes.push_back(x.ndim());
    y = expand_dims(y, {x.ndim()});
  }
  return make_array(std::make_shared<Reduce>(std::move(what)), std::move(shape),
                    result_type(op, x.dtype()), {y});
}

Array arg_reduce(ArgReduceOp op, const Array& x, std::optional<int64_t> axis,
                 bool keepdims) {
  ArgReduce probe(op, 0);
  int64_t along = 0;
  Array y = x;
  Shape shape(keepdims ? x.ndim() : 0, 1);
  if (axis) {
    along = normalize_axis(*axis, x.ndim(), probe.name());
    shape = reduced_shape(x.shape(), {along}, keepdims);
  } else {
    y = reshape(x, {-1});
  }
  require(y.shape(along) > 0, probe.name(),
          ": the axis must not be empty, got shape ", x.shape());
  require(y.shape(along) - 1 <= int64_t{UINT32_MAX}, probe.name(),
          ": indices must fit uint32, got shape ", x.shape());
  return make_array(std::make_shared<ArgReduce>(op, along), std::move(shape),
                    Dtype::uint32, {y});
}

}  // namespace

Array sum(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::sum, x, axes, keepdims);
}
Array prod(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::prod, x, axes, keepdims);
}
Array max(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::max, x, axes, keepdims);
}
Array min(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::min, x, axes, keepdims);
}
Array all(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::all, x, axes, keepdims);
}
Array any(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::any, x, axes, keepdims);
}
Array mean(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::mean, x, axes, keepdims);
}
Array var(const Array& x, const Axes& axes, bool keepdims, int64_t ddof) {
  return reduce(ReduceOp::var, x, axes, keepdims, ddof);
}
Array std(const Array& x, const Axes& axes, bool keepdims, int64_t ddof) {
  return reduce(ReduceOp::std, x, axes, keepdims, ddof);
}
Array logsumexp(const Array& x, const Axes& axes, bool keepdims) {
  return reduce(ReduceOp::logsumexp, x, axes, keepdims);
}

std::pair<Array, Array> minmax(const Array& x, const Axes& axes,
                               bool keepdims) {
  Shape along = chosen_axes(x, axes, "minmax");
  return {min(x, along, keepdims), max(x, along, keepdims)};
}
Array count_nonzero(const Array& x, const Axes& axes, bool keepdims) {
  Shape along = chosen_axes(x, axes, "count_nonzero");
  return sum(astype(x, Dtype::bool_), along, keepdims);
}

Array argmax(const Array& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_reduce(ArgReduceOp::max, x, axis, keepdims);
}
Array argmin(const Array& x, std::optional<int64_t> axis, bool keepdims) {
  return arg_reduce(ArgReduceOp::min, x, axis, keepdims);
}

Array softmax(const Array& x, const Axes& axes) {
  static const auto op = std::make_shared<Softmax>();
  Shape along = chosen_axes(x, axes, "softmax");
  Array y = astype(x, floating(x.dtype()));
  if (along.size() == 1 && along[0] == x.ndim() - 1) {
    return make_array(op, x.shape(), y.dtype(), {y});
  }
  Merged merged(y, along);
  const Array& rows = merged.array;
  return merged.restore(make_array(op, rows.shape(), rows.dtype(), {rows}));
}

Array global_norm(const Arrays& arrays, double scale) {
  auto op = std::make_shared<GlobalNorm>(scale);
  Dtype dtype = Dtype::float32;
  for (const Array& x : arrays) {
    if (x.dtype() == Dtype::float64) dtype = Dtype::float64;
  }
  return make_array(op, {}, dtype, Inputs(arrays.begin(), arrays.end()));
}

}  // namespace ingot
