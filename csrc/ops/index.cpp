// Reading and writing places that index arrays give.
// SPDX-License-Identifier: MIT
#include "csrc/ops/index.h"

#include <algorithm>
#include <utility>

#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Places of a batch: the examples' numbers index a first axis, on which all
// windows are one wide.
struct BatchPlaces {
  Arrays indices;
  std::vector<int64_t> axes = {0};
  std::vector<int64_t> windows = {1};

  // The indices are inputs 1 to `count`.
  BatchPlaces(const Batch& batch, int64_t count,
              const std::vector<int64_t>& old_axes,
              const std::vector<int64_t>& old_windows) {
    Shape shape(count > 0 ? batch.along(1).ndim() : 1, 1);
    shape[0] = batch.size;
    Array numbers = arange(0, static_cast<double>(batch.size), 1, Dtype::int32);
    indices.push_back(reshape(numbers, shape));
    for (int64_t i = 1; i <= count; ++i) indices.push_back(batch.along(i));
    for (int64_t axis : old_axes) axes.push_back(axis + 1);
    windows.insert(windows.end(), old_windows.begin(), old_windows.end());
  }
};

class GatherOp final : public UntypedOp {
 public:
  explicit GatherOp(Gather what) : what_(std::move(what)) {}
  const char* name() const override { return what_.name; }
  std::optional<Saved> saved() const override {
    return Saved{"gather", {what_.name, what_.axes, what_.windows}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.gather(what_, in, out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) {
      if (i > 0) {
        gradients.push_back(Array());
        continue;
      }
      Array zero = zeros(in[0].shape(), cotangents[0].dtype());
      gradients.push_back(scatter(ScatterOp::add, zero,
                                  Arrays(in.begin() + 1, in.end()),
                                  cotangents[0], what_.axes));
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    int64_t count = batch.in.size() - 1;
    if (!batch.has_axis[0]) {
      Arrays indices;
      for (int64_t i = 1; i <= count; ++i) indices.push_back(batch.along(i));
      return {
          gather(batch.in[0], indices, what_.axes, what_.windows, what_.name)};
    }
    BatchPlaces at(batch, count, what_.axes, what_.windows);
    Array y = gather(batch.in[0], at.indices, at.axes, at.windows, what_.name);
    return {reshape(y, batch.shape())};
  }

 private:
  Gather what_;
};

// What one scatter was given and made, for its derivative.
struct Scattered {
  const Scatter& what;
  const Array& x;
  const Array& updates;
  const Array& out;
  const Array& cotangent;
  Arrays indices;

  // The windows of y that the updates went to.
  Array at(const Array& y) const {
    return gather(y, indices, what.axes, what.windows);
  }

  Array gradient_of_x() const {
    switch (what.op) {
      case ScatterOp::assign:
        return scatter(what.op, cotangent, indices,
                       zeros(updates.shape(), cotangent.dtype()), what.axes);
      case ScatterOp::add:
        return cotangent;
      case ScatterOp::multiply:
      case ScatterOp::divide:
        return scatter(what.op, cotangent, indices, conj(updates), what.axes);
      case ScatterOp::max:
      case ScatterOp::min:
        break;
    }
    return keep_where(equal(x, out), cotangent);
  }

  Array gradient_of_updates() const {
    switch (what.op) {
      case ScatterOp::assign:
        return keep_where(survivors(), at(cotangent));
      case ScatterOp::add:
        return at(cotangent);
      case ScatterOp::multiply:
        return at(cotangent * conj(x)) * conj(product_of_others());
      case ScatterOp::divide:
        return -at(cotangent * conj(out)) / conj(updates);
      case ScatterOp::max:
      case ScatterOp::min:
        break;
    }
    // A tie belongs to x, as in maximum(x, update).
    return keep_where(
        logical_and(equal(at(out), updates), not_equal(at(x), updates)),
        at(cotangent));
  }

  // True for the updates that no later one has overwritten: those that read
  // back their own number.
  Array survivors() const {
    Shape places(indices[0].shape()), map(x.ndim(), 1);
    std::vector<int64_t> windows(x.ndim(), 1);
    Shape numbered = places;
    for (int64_t i = 0; i < x.ndim(); ++i) numbered.push_back(1);
    Array numbers = counting(numbered);
    for (int64_t axis : what.axes) {
      map[axis] = x.shape(axis);
      windows[axis] = what.windows[axis];
      numbered[places.size() + axis] = windows[axis];
    }
    Array written =
        scatter(ScatterOp::assign, zeros(map, Dtype::int64), indices,
                broadcast_to(numbers, numbered), what.axes);
    return equal(gather(written, indices, what.axes, windows), numbers);
  }

  // Of all updates to the same place but one's own, without dividing by zero.
  Array product_of_others() const {
    Array one = Array::scalar(1.0, updates.dtype());
    Array is_zero = equal(updates, Array::scalar(0.0, updates.dtype()));
    Array nonzero = where(is_zero, one, updates);
    Array product = at(scatter(ScatterOp::multiply, ones_like(x), indices,
                               nonzero, what.axes));
    Array zero_count =
        at(scatter(ScatterOp::add, zeros(x.shape(), Dtype::int32), indices,
                   astype(is_zero, Dtype::int32), what.axes));
    return keep_where(equal(zero_count, astype(is_zero, Dtype::int32)),
                      product / nonzero);
  }
};

class ScatterInto final : public Op {
 public:
  explicit ScatterInto(Scatter what) : what_(std::move(what)) {}
  const char* name() const override { return what_.name; }
  bool takes_complex() const override {
    return what_.op != ScatterOp::max && what_.op != ScatterOp::min;
  }
  std::optional<Saved> saved() const override {
    return Saved{"scatter", {what_.name, what_.op, what_.axes}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    copy_or_donate(backend, in, out[0]);
    backend.scatter(what_, in, out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Scattered it{what_,  in[0],         in.back(),
                 out[0], cotangents[0], Arrays(in.begin() + 1, in.end() - 1)};
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(i == 0               ? it.gradient_of_x()
                          : i + 1 == in.size() ? it.gradient_of_updates()
                                               : Array());
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    int64_t count = batch.in.size() - 2;
    BatchPlaces at(batch, count, what_.axes, {});
    Array updates = batch.along(count + 1);
    // After the axes of the index arrays, before those of the windows.
    updates = expand_dims(updates, Shape{at.indices.back().ndim()});
    return {scatter(what_.op, batch.along(0), at.indices, updates, at.axes,
                    what_.name)};
  }

 private:
  Scatter what_;
};

// The inputs of a gather or scatter: x and the index arrays, broadcast
// together.
Inputs indexed(const Array& x, const Arrays& indices,
               const std::vector<int64_t>& axes, const char* op) {
  require(!indices.empty() && indices.size() == axes.size(), op,
          ": there must be one index array for each indexed axis, got ",
          indices.size(), " for ", axes.size(), " axes");
  std::vector<bool> seen(x.ndim());
  Shape places;
  for (size_t i = 0; i < axes.size(); ++i) {
    require<AxisError>(axes[i] >= 0 && axes[i] < x.ndim(), op,
                       ": axis must be in [0, ", x.ndim(), "), got ", axes[i]);
    require(!seen[axes[i]], op, ": axes must not repeat, got ", axes[i],
            " twice");
    seen[axes[i]] = true;
    require_integers(indices[i], op);
    places = broadcast_shapes(places, indices[i].shape(), op);
  }
  Inputs inputs{x};
  for (const Array& i : indices) inputs.push_back(broadcast_to(i, places));
  return inputs;
}

// On an empty axis a window of 1 is let through: every index is out of range.
void require_windows(const Array& x, const std::vector<int64_t>& axes,
                     const std::vector<int64_t>& windows, const char* op) {
  Shape room = x.shape();
  for (int64_t axis : axes) room[axis] = std::max<int64_t>(1, room[axis]);
  bool fit = std::ssize(windows) == x.ndim();
  for (int64_t i = 0; fit && i < x.ndim(); ++i) {
    fit = windows[i] >= 0 && windows[i] <= room[i];
  }
  require(fit, op, ": windows must fit into shape ", x.shape(), ", got ",
          Shape(windows.begin(), windows.end()));
}

}  // namespace

Array gather(const Array& x, const Arrays& indices,
             const std::vector<int64_t>& axes,
             const std::vector<int64_t>& windows, const char* name) {
  Inputs inputs = indexed(x, indices, axes, name);
  require_windows(x, axes, windows, name);
  Shape shape = inputs[1].shape();
  for (int64_t n : windows) shape.push_back(n);
  return make_array(std::make_shared<GatherOp>(Gather{name, axes, windows}),
                    std::move(shape), x.dtype(), std::move(inputs));
}

Array scatter(ScatterOp op, const Array& x, const Arrays& indices,
              const Array& updates, const std::vector<int64_t>& axes,
              const char* name) {
  Inputs inputs = indexed(x, indices, axes, name);
  const Shape& places = inputs[1].shape();
  require(updates.ndim() == places.size() + x.ndim() &&
              std::equal(places.begin(), places.end(), updates.shape().begin()),
          name, ": updates must have the shape of the indices, ", places,
          ", and ", x.ndim(), " more dimensions, got ", updates.shape());
  std::vector<int64_t> windows(updates.shape().begin() + places.size(),
                               updates.shape().end());
  require_windows(x, axes, windows, name);
  inputs.push_back(astype(updates, x.dtype()));
  return make_array(
      std::make_shared<ScatterInto>(Scatter{name, op, axes, windows}),
      x.shape(), x.dtype(), std::move(inputs));
}

Array take(const Array& x, const Array& indices, std::optional<int64_t> axis) {
  Array base = axis ? x : flatten(x);
  int64_t at = normalize_axis(axis.value_or(0), base.ndim(), "take");
  std::vector<int64_t> windows(base.shape().begin(), base.shape().end());
  windows[at] = 1;
  Array taken = gather(base, {indices}, {at}, windows, "take");
  // The axes of the indices belong where the indexed axis was.
  Shape order, shape;
  for (int64_t i = 0; i < at; ++i) order.push_back(indices.ndim() + i);
  for (int64_t i = 0; i < indices.ndim(); ++i) order.push_back(i);
  for (int64_t i = at; i < base.ndim(); ++i) {
    order.push_back(indices.ndim() + i);
  }
  taken = transpose(taken, order);
  for (int64_t i = 0; i < taken.ndim(); ++i) {
    if (order[i] != indices.ndim() + at) shape.push_back(taken.shape(i));
  }
  return reshape(taken, shape);
}

}  // namespace ingot
