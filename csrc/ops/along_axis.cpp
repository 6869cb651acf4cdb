// Reading and writing one element of each line along an axis, at places that an
// index array of the same shape gives.
// SPDX-License-Identifier: MIT
#include <utility>

#include "csrc/ops/index.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

class TakeAlongAxis final : public UntypedOp {
 public:
  explicit TakeAlongAxis(int64_t axis) : axis_(axis) {}
  const char* name() const override { return "take_along_axis"; }
  std::optional<Saved> saved() const override {
    return Saved{"take_along_axis", {axis_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.take_along_axis(axis_, in[0], in[1], out[0]);
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
      gradients.push_back(add_along_axis(zero, in[1], cotangents[0], axis_));
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    return {take_along_axis(batch.along(0), batch.along(1), axis_ + 1)};
  }

 private:
  int64_t axis_;
};

class PutAlongAxis final : public UntypedOp {
 public:
  PutAlongAxis(int64_t axis, bool add) : axis_(axis), add_(add) {}
  const char* name() const override {
    return add_ ? "add_along_axis" : "put_along_axis";
  }
  std::optional<Saved> saved() const override { return Saved{name(), {axis_}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    copy_or_donate(backend, in, out[0]);
    backend.put_along_axis(axis_, add_, in[1], in[2], out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    const Array& c = cotangents[0];
    Arrays gradients;
    for (int i : wanted) {
      if (i == 0) {
        Array zero = zeros(in[2].shape(), c.dtype());
        gradients.push_back(add_ ? c : put_along_axis(c, in[1], zero, axis_));
      } else if (i == 1) {
        gradients.push_back(Array());
      } else {
        Array part = take_along_axis(c, in[1], axis_);
        gradients.push_back(add_ ? part
                                 : keep_where(survivors(in[0], in[1]), part));
      }
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    Array x = batch.along(0), indices = batch.along(1);
    Array values = batch.along(2);
    return {add_ ? add_along_axis(x, indices, values, axis_ + 1)
                 : put_along_axis(x, indices, values, axis_ + 1)};
  }

 private:
  // As Scattered::survivors() of index.cpp.
  Array survivors(const Array& x, const Array& indices) const {
    Shape line(x.ndim(), 1);
    line[axis_] = indices.shape(axis_);
    Array numbers = broadcast_to(counting(line), indices.shape());
    Array written =
        put_along_axis(zeros(x.shape(), Dtype::int64), indices, numbers, axis_);
    return equal(take_along_axis(written, indices, axis_), numbers);
  }

  int64_t axis_;
  bool add_;
};

struct AlongAxis {
  int64_t axis;
  Array x, indices;  // of one shape but for the axis
};

AlongAxis along_axis(const Array& x, const Array& indices,
                     std::optional<int64_t> axis, const char* op) {
  require_integers(indices, op);
  Array base = axis ? x : flatten(x);
  int64_t at = normalize_axis(axis.value_or(0), base.ndim(), op);
  require(indices.ndim() == base.ndim(), op, ": indices must have ",
          base.ndim(), " dimensions, got shape ", indices.shape());
  Shape places = indices.shape(), shape = base.shape();
  int64_t count = std::exchange(places[at], 1);
  int64_t length = std::exchange(shape[at], 1);
  shape = broadcast_shapes(shape, places, op);
  places = shape;
  shape[at] = length;
  places[at] = count;
  return {at, broadcast_to(base, shape), broadcast_to(indices, places)};
}

Array write_along_axis(const Array& x, const Array& indices,
                       const Array& values, std::optional<int64_t> axis,
                       bool add) {
  const char* op = add ? "add_along_axis" : "put_along_axis";
  AlongAxis it = along_axis(x, indices, axis, op);
  const Shape& places = it.indices.shape();
  require(broadcast_shapes(values.shape(), places, op) == places, op,
          ": values must broadcast to the shape of indices, ", places, ", got ",
          values.shape());
  Array written = make_array(
      std::make_shared<PutAlongAxis>(it.axis, add), it.x.shape(), x.dtype(),
      {it.x, it.indices, broadcast_to(astype(values, x.dtype()), places)});
  return axis ? written : reshape(written, x.shape());
}

}  // namespace

Array take_along_axis(const Array& x, const Array& indices,
                      std::optional<int64_t> axis) {
  AlongAxis it = along_axis(x, indices, axis, "take_along_axis");
  return make_array(std::make_shared<TakeAlongAxis>(it.axis),
                    it.indices.shape(), x.dtype(), {it.x, it.indices});
}

Array put_along_axis(const Array& x, const Array& indices, const Array& values,
                     std::optional<int64_t> axis) {
  return write_along_axis(x, indices, values, axis, false);
}

Array add_along_axis(const Array& x, const Array& indices, const Array& values,
                     int64_t axis) {
  return write_along_axis(x, indices, values, axis, true);
}

}  // namespace ingot
