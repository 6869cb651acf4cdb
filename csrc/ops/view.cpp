// Windows on the memory of an array: no element moves (reshape of a layout that
// cannot be a window is the one exception).
// SPDX-License-Identifier: MIT
#include <numeric>
#include <optional>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

class Reshape final : public UntypedOp {
 public:
  const char* name() const override { return "reshape"; }
  std::optional<Saved> saved() const override { return Saved{"reshape", {}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    if (auto strides = window(in[0], out[0].shape())) {
      out[0].view_of(in[0], *strides);
      return;
    }
    out[0].allocate();
    const Shape& shape = in[0].shape();
    Array target = Array::view(out[0], shape, contiguous_strides(shape));
    backend.copy(in[0], target);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {reshape(cotangents[0], in[0].shape())};
  }

  Arrays vmap(const Batch& batch) const override {
    return {reshape(batch.in[0], batch.shape())};
  }

 private:
  // The strides that show x in another shape, if there are any: no new axis may
  // straddle two runs of x that are not evenly spaced.
  static std::optional<Strides> window(const Array& x, const Shape& shape) {
    if (x.size() == 0 || x.contiguous()) return contiguous_strides(shape);
    Shape sizes;  // of the evenly spaced runs, outermost first
    Strides steps;
    for (int64_t i = 0; i < x.ndim(); ++i) {
      if (x.shape(i) == 1) continue;
      if (!sizes.empty() && steps.back() == x.strides()[i] * x.shape(i)) {
        sizes.back() *= x.shape(i);
        steps.back() = x.strides()[i];
      } else {
        sizes.push_back(x.shape(i));
        steps.push_back(x.strides()[i]);
      }
    }
    Strides strides(shape.size());
    int64_t run = sizes.size() - 1, covered = 1;
    for (int64_t i = shape.size() - 1; i >= 0; --i) {
      if (shape[i] == 1) continue;
      if (covered == sizes[run]) {
        --run;
        covered = 1;
      }
      if (sizes[run] % (covered * shape[i]) != 0) return std::nullopt;
      strides[i] = steps[run] * covered;
      covered *= shape[i];
    }
    return strides;
  }
};

class Transpose final : public UntypedOp {
 public:
  explicit Transpose(Shape axes) : axes_(std::move(axes)) {}
  const char* name() const override { return "transpose"; }
  std::optional<Saved> saved() const override {
    return Saved{"transpose", {axes_}};
  }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    Strides strides;
    for (int64_t axis : axes_) strides.push_back(in[0].strides()[axis]);
    out[0].view_of(in[0], std::move(strides));
  }

  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Shape inverse(axes_.size());
    for (int64_t i = 0; i < axes_.size(); ++i) inverse[axes_[i]] = i;
    return {transpose(cotangents[0], inverse)};
  }

  Arrays vmap(const Batch& batch) const override {
    return {transpose(batch.in[0], with_first(0, shifted(axes_)))};
  }

 private:
  Shape axes_;
};

class Broadcast final : public UntypedOp {
 public:
  const char* name() const override { return "broadcast_to"; }
  std::optional<Saved> saved() const override {
    return Saved{"broadcast_to", {}};
  }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    out[0].view_of(in[0], broadcast_strides(in[0], out[0].shape()));
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {sum_to(cotangents[0], in[0].shape())};
  }

  Arrays vmap(const Batch& batch) const override {
    return {broadcast_to(batch.lifted(0), batch.shape())};
  }
};

class Slice final : public UntypedOp {
 public:
  Slice(Shape start, Shape stop, Shape step)
      : start_(std::move(start)),
        stop_(std::move(stop)),
        step_(std::move(step)) {}
  const char* name() const override { return "slice"; }
  std::optional<Saved> saved() const override {
    return Saved{"slice", {start_, stop_, step_}};
  }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    Strides strides(in[0].ndim());
    int64_t offset = 0;
    for (int64_t i = 0; i < in[0].ndim(); ++i) {
      strides[i] = in[0].strides()[i] * step_[i];
      if (out[0].size() > 0) offset += in[0].strides()[i] * start_[i];
    }
    out[0].view_of(in[0], std::move(strides), offset * in[0].itemsize());
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    // To turn whole axes round is its own inverse.
    if (cotangents[0].shape() == in[0].shape()) {
      return {slice(cotangents[0], start_, stop_, step_)};
    }
    return {slice_update(zeros(in[0].shape(), cotangents[0].dtype()),
                         cotangents[0], start_, stop_, step_)};
  }

  Arrays vmap(const Batch& batch) const override {
    return {slice(batch.in[0], with_first(0, start_),
                  with_first(batch.size, stop_), with_first(1, step_))};
  }

 private:
  Shape start_, stop_, step_;
};

// The same memory, shape and type; what a transform puts between an array and
// those that it traces.
class Alias final : public UntypedOp {
 public:
  explicit Alias(bool stops) : stops_(stops) {}
  const char* name() const override {
    return stops_ ? "stop_gradient" : "alias";
  }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }
  bool stops_gradient() const override { return stops_; }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    out[0].reuse(in[0]);
  }
  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {cotangents[0]};
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }

 private:
  bool stops_;
};

const std::shared_ptr<const Op>& alias_op() {
  static const std::shared_ptr<const Op> op = std::make_shared<Alias>(false);
  return op;
}

// The same bytes as elements of another size along the last axis.
class View final : public UntypedOp {
 public:
  const char* name() const override { return "view"; }
  std::optional<Saved> saved() const override { return Saved{"view", {}}; }
  bool stops_gradient() const override { return true; }
  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    Array source = in[0];
    if (in[0].itemsize() != out[0].itemsize() && !in[0].contiguous()) {
      source = Array::empty(in[0].shape(), in[0].dtype());
      backend.copy(in[0], source);
    }
    bool same = source.itemsize() == out[0].itemsize();
    out[0].view_of(
        source, same ? source.strides() : contiguous_strides(out[0].shape()));
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class Contiguous final : public UntypedOp {
 public:
  const char* name() const override { return "contiguous"; }
  std::optional<Saved> saved() const override {
    return Saved{"contiguous", {}};
  }
  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    if (in[0].contiguous()) {
      out[0].view_of(in[0], contiguous_strides(in[0].shape()));
      return;
    }
    out[0].allocate();
    backend.copy(in[0], out[0]);
  }
  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {cotangents[0]};
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

// The first of its inputs, once the others have been computed as well.
class Depends final : public UntypedOp {
 public:
  const char* name() const override { return "depends"; }
  std::optional<Saved> saved() const override { return Saved{"depends", {}}; }
  Spec spec(const Inputs& in, int64_t output) const override {
    return {in[output].shape(), in[output].dtype()};
  }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    for (int64_t i = 0; i < out.size(); ++i) {
      out[i].view_of(in[i], in[i].strides());
    }
  }
  Arrays vmap(const Batch& batch) const override { return batch.passed_on(); }
  Arrays vjp(const Inputs&, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(i < out.size() ? cotangents[i] : Array());
    }
    return gradients;
  }
};

// Fills in a dimension of -1.
void infer_dimension(const Array& x, Shape& shape) {
  int64_t unknown = -1, known = 1;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == -1) {
      require(unknown < 0, "reshape: at most one dimension may be -1, got ",
              shape);
      unknown = i;
    } else {
      require(shape[i] >= 0, "reshape: dimensions must be -1 or not negative, ",
              "got ", shape);
      require(!__builtin_mul_overflow(known, shape[i], &known),
              "reshape: shape must hold ", x.size(), " elements, got ", shape);
    }
  }
  if (unknown < 0) return;
  require(known > 0 && x.size() % known == 0, "reshape: ", shape,
          " must divide the ", x.size(), " elements of shape ", x.shape());
  shape[unknown] = x.size() / known;
}

}  // namespace

Array reshape(const Array& x, Shape shape) {
  static const auto op = std::make_shared<Reshape>();
  infer_dimension(x, shape);
  if (shape == x.shape()) return x;
  require(size_of(shape, x.dtype(), "reshape") == x.size(), "reshape: shape ",
          shape, " must hold the ", x.size(), " elements of shape ", x.shape());
  return make_array(op, std::move(shape), x.dtype(), {x});
}

Array transpose(const Array& x) {
  Shape axes(x.ndim());
  std::iota(axes.begin(), axes.end(), 0);
  std::reverse(axes.begin(), axes.end());
  return transpose(x, axes);
}

Array transpose(const Array& x, const Shape& axes) {
  require(axes.size() == x.ndim(), "transpose: axes must name each of ",
          x.ndim(), " axes once, got ", axes);
  Shape order, shape;
  std::vector<bool> seen(x.ndim());
  bool identity = true;
  for (int64_t axis : axes) {
    axis = normalize_axis(axis, x.ndim(), "transpose");
    require(!seen[axis], "transpose: axes must name each of ", x.ndim(),
            " axes once, got ", axes);
    seen[axis] = true;
    identity &= axis == order.size();
    order.push_back(axis);
    shape.push_back(x.shape(axis));
  }
  if (identity) return x;
  return make_array(std::make_shared<Transpose>(std::move(order)),
                    std::move(shape), x.dtype(), {x});
}

Array broadcast_to(const Array& x, const Shape& shape) {
  static const auto op = std::make_shared<Broadcast>();
  if (x.shape() == shape) return x;
  require(broadcast_shapes(x.shape(), shape, "broadcast_to") == shape,
          "broadcast_to: shape ", x.shape(), " must broadcast to ", shape);
  return make_array(op, shape, x.dtype(), {x});
}

Array slice(const Array& x, const Shape& start, const Shape& stop,
            const Shape& step) {
  require(start.size() == x.ndim() && stop.size() == x.ndim() &&
              step.size() == x.ndim(),
          "slice: start, stop and step must have ", x.ndim(), " entries, got ",
          start, ", ", stop, " and ", step);
  Shape shape;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    int64_t n = x.shape(i), s = step[i];
    require(s != 0, "slice: step must not be zero, got ", step);
    int64_t span = s > 0 ? stop[i] - start[i] : start[i] - stop[i];
    int64_t size = span <= 0 ? 0 : (span + std::abs(s) - 1) / std::abs(s);
    int64_t last = start[i] + (size - 1) * s;
    require(
        size == 0 || (start[i] >= 0 && start[i] < n && last >= 0 && last < n),
        "slice: bounds must lie within shape ", x.shape(), ", got ", start,
        " to ", stop);
    shape.push_back(size);
  }
  bool whole = shape == x.shape();
  for (int64_t s : step) whole &= s == 1;
  if (whole) return x;
  return make_array(std::make_shared<Slice>(start, stop, step),
                    std::move(shape), x.dtype(), {x});
}

Array view(const Array& x, Dtype dtype) {
  static const auto op = std::make_shared<View>();
  if (x.dtype() == dtype) return x;
  Shape shape = x.shape();
  int64_t from = x.itemsize(), to = size_of(dtype);
  if (from != to) {
    require(!shape.empty(), "view: a 0-dimensional ", x.dtype(),
            " array must be viewed as a type of its size, got ", dtype);
    require(shape.back() * from % to == 0,
            "view: the last axis must hold a "
            "whole number of ",
            dtype, ", got shape ", shape, " of ", x.dtype());
    shape.back() = shape.back() * from / to;
  }
  return make_array(op, std::move(shape), dtype, {x});
}

Array contiguous(const Array& x) {
  static const auto op = std::make_shared<Contiguous>();
  return make_array(op, x.shape(), x.dtype(), {x});
}

Array stop_gradient(const Array& x) {
  static const auto op = std::make_shared<Alias>(true);
  return make_array(op, x.shape(), x.dtype(), {x});
}

Array alias(const Array& x) {
  return make_array(alias_op(), x.shape(), x.dtype(), {x});
}

bool is_alias(const Array& x) { return x->node->op == alias_op(); }

Arrays depends(const Arrays& arrays, const Arrays& dependencies) {
  static const auto op = std::make_shared<Depends>();
  if (arrays.empty()) return {};
  Inputs inputs(arrays.begin(), arrays.end());
  inputs.append(dependencies.begin(), dependencies.end());
  return make_arrays(op, std::ssize(arrays), std::move(inputs));
}

}  // namespace ingot
