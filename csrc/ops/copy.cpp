// Operations that move elements into new memory: joining, cutting, repeating,
// padding, and writing into a window.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Part of an array's memory as an array of its own; the offset in elements.
Array window_of(const Array& source, const Shape& shape, Strides strides,
                int64_t offset) {
  return Array::view(source, shape, std::move(strides),
                     offset * source.itemsize());
}

// x between two indices along one axis.
Array slice_axis(const Array& x, int64_t axis, int64_t start, int64_t stop) {
  Shape starts(x.ndim(), 0), steps(x.ndim(), 1), stops = x.shape();
  starts[axis] = start;
  stops[axis] = stop;
  return slice(x, starts, stops, steps);
}

class Copy final : public UntypedOp {
 public:
  const char* name() const override { return "copy"; }
  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    if (allocate_or_donate(in, out[0]) < 0) backend.copy(in[0], out[0]);
  }
  Arrays vjp(const Inputs&, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {cotangents[0]};
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class Concatenate final : public UntypedOp {
 public:
  explicit Concatenate(int64_t axis) : axis_(axis) {}
  const char* name() const override { return "concatenate"; }
  std::optional<Saved> saved() const override {
    return Saved{"concatenate", {axis_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    const Strides& strides = out[0].strides();
    Inputs from, parts;
    int64_t at = 0;
    for (const Array& x : in) {
      if (x.size() > 0) {
        from.push_back(x);
        parts.push_back(
            window_of(out[0], x.shape(), strides, at * strides[axis_]));
      }
      at += x.shape(axis_);
    }
    backend.copy_all(from, parts);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    int64_t at = 0;
    for (int64_t i = 0, next = 0; i < in.size(); ++i) {
      int64_t stop = at + in[i].shape(axis_);
      if (next < std::ssize(wanted) && wanted[next] == i) {
        gradients.push_back(slice_axis(cotangents[0], axis_, at, stop));
        ++next;
      }
      at = stop;
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(std::make_shared<Concatenate>(axis_ + 1), batch.along());
  }

 private:
  int64_t axis_;
};

// Its parts may overlap or leave gaps only where the indices given to split()
// do not ascend.
class Split final : public UntypedOp {
 public:
  Split(int64_t axis, Shape starts) : axis_(axis), starts_(std::move(starts)) {}
  const char* name() const override { return "split"; }
  std::optional<Saved> saved() const override {
    return Saved{"split", {axis_, starts_}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    Shape shape = in[0].shape();
    bool last = output + 1 == starts_.size();
    int64_t stop = last ? shape[axis_] : starts_[output + 1];
    shape[axis_] = std::max<int64_t>(0, stop - starts_[output]);
    return {std::move(shape), in[0].dtype()};
  }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    int64_t step = in[0].strides()[axis_] * in[0].itemsize();
    for (int64_t i = 0; i < out.size(); ++i) {
      bool empty = out[i].size() == 0;
      out[i].view_of(in[0], in[0].strides(), empty ? 0 : starts_[i] * step);
    }
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    int64_t at = 0;
    bool partition = true;
    Arrays parts;
    for (int64_t i = 0; i < out.size(); ++i) {
      partition &= starts_[i] == at;
      at = starts_[i] + out[i].shape(axis_);
      parts.push_back(cotangents[i] ? cotangents[i] : zeros_like(out[i]));
    }
    if (partition) return {concatenate(parts, axis_)};
    Array total = zeros(in[0].shape(), parts[0].dtype());
    for (int64_t i = 0; i < out.size(); ++i) {
      Shape low(in[0].ndim()), high(in[0].ndim());
      low[axis_] = starts_[i];
      high[axis_] = in[0].shape(axis_) - starts_[i] - out[i].shape(axis_);
      Array zero = Array::scalar(0.0, parts[i].dtype());
      total = add(total, pad(parts[i], low, high, zero));
    }
    return {total};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(std::make_shared<Split>(axis_ + 1, starts_), batch.in);
  }

 private:
  int64_t axis_;
  Shape starts_;
};

class SliceUpdate final : public UntypedOp {
 public:
  SliceUpdate(Shape start, Shape stop, Shape step)
      : start_(std::move(start)),
        stop_(std::move(stop)),
        step_(std::move(step)) {}
  const char* name() const override { return "slice_update"; }
  std::optional<Saved> saved() const override {
    return Saved{"slice_update", {start_, stop_, step_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    if (donatable(in, 0)) {
      out[0].view_of(in[0], contiguous_strides(in[0].shape()));
    } else {
      out[0].allocate();
      backend.copy(in[0], out[0]);
    }
    if (in[1].size() == 0) return;
    Strides strides = out[0].strides();
    int64_t offset = 0;
    for (int64_t i = 0; i < strides.size(); ++i) {
      offset += start_[i] * strides[i];
      strides[i] *= step_[i];
    }
    Array window = window_of(out[0], in[1].shape(), strides, offset);
    backend.copy(in[1], window);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) {
      const Array& c = cotangents[0];
      gradients.push_back(i == 1
                              ? slice(c, start_, stop_, step_)
                              : slice_update(c, zeros(in[1].shape(), c.dtype()),
                                             start_, stop_, step_));
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    auto op = std::make_shared<SliceUpdate>(with_first(0, start_),
                                            with_first(batch.size, stop_),
                                            with_first(1, step_));
    return batch.build(std::move(op), batch.along());
  }

 private:
  Shape start_, stop_, step_;
};

Dtype common_type(const Arrays& arrays) {
  Dtype dtype = arrays[0].dtype();
  for (const Array& x : arrays) dtype = promote(dtype, x.dtype());
  return dtype;
}

Shape padded_shape(const Array& x, const Shape& low, const Shape& high) {
  require(low.size() == x.ndim() && high.size() == x.ndim(),
          "pad: there must be a width before and after each of ", x.ndim(),
          " axes, got ", low, " and ", high);
  Shape shape = x.shape();
  for (int64_t i = 0; i < shape.size(); ++i) {
    require(low[i] >= 0 && high[i] >= 0,
            "pad: widths must not be negative, got ", low, " and ", high);
    bool overflow = __builtin_add_overflow(shape[i], low[i], &shape[i]) ||
                    __builtin_add_overflow(shape[i], high[i], &shape[i]);
    require<MemoryError>(!overflow, "pad: axis ", i,
                         " must stay below 2^63 elements, got ", low, " and ",
                         high);
  }
  return shape;
}

// Where in [0, n) an axis padded by `low` and `high` reads each of its
// elements.
Array sources(int64_t n, int64_t low, int64_t high, PadMode mode) {
  auto number = [](int64_t value) {
    return Array::scalar(value, Dtype::int64);
  };
  Array i = arange(-static_cast<double>(low), static_cast<double>(n + high), 1,
                   Dtype::int64);
  if (mode == PadMode::edge) {
    return minimum(maximum(i, number(0)), number(n - 1));
  }
  int64_t once = mode == PadMode::reflect ? 1 : 0;  // edges are not repeated
  int64_t period = std::max<int64_t>(1, 2 * (n - once));
  i = remainder(i, number(period));
  Array mirrored = subtract(number(period - 1 + once), i);
  return where(less(i, number(n)), i, mirrored);
}

}  // namespace

Array copy(const Array& x) {
  static const auto op = std::make_shared<Copy>();
  return make_array(op, x.shape(), x.dtype(), {x});
}

Array concatenate(const Arrays& arrays, int64_t axis) {
  require(!arrays.empty(), "concatenate: there must be at least one array");
  const Array& first = arrays[0];
  axis = normalize_axis(axis, first.ndim(), "concatenate");
  Dtype dtype = common_type(arrays);
  Shape shape = first.shape();
  shape[axis] = 0;
  Inputs inputs;
  for (const Array& x : arrays) {
    bool fits = x.ndim() == first.ndim();
    for (int64_t i = 0; fits && i < x.ndim(); ++i) {
      fits = i == axis || x.shape(i) == first.shape(i);
    }
    require(fits, "concatenate: shapes must agree but for axis ", axis,
            ", got ", first.shape(), " and ", x.shape());
    shape[axis] += x.shape(axis);
    inputs.push_back(astype(x, dtype));
  }
  if (arrays.size() == 1) return first;
  return make_array(std::make_shared<Concatenate>(axis), std::move(shape),
                    dtype, std::move(inputs));
}

Array stack(const Arrays& arrays, int64_t axis) {
  require(!arrays.empty(), "stack: there must be at least one array");
  axis = normalize_axis(axis, arrays[0].ndim() + 1, "stack");
  Arrays slabs;
  for (const Array& x : arrays) {
    require(x.shape() == arrays[0].shape(),
            "stack: arrays must have one shape, got ", arrays[0].shape(),
            " and ", x.shape());
    slabs.push_back(expand_dims(x, {axis}));
  }
  return concatenate(slabs, axis);
}

Arrays split(const Array& x, const Shape& indices, int64_t axis) {
  axis = normalize_axis(axis, x.ndim(), "split");
  int64_t n = x.shape(axis);
  Shape starts{0};
  for (int64_t i : indices) {
    starts.push_back(std::clamp<int64_t>(i < 0 ? i + n : i, 0, n));
  }
  int64_t parts = starts.size();
  return make_arrays(std::make_shared<Split>(axis, std::move(starts)), parts,
                     {x});
}

Array repeat(const Array& x, int64_t repeats, int64_t axis) {
  axis = normalize_axis(axis, x.ndim(), "repeat");
  require(repeats >= 0, "repeat: repeats must not be negative, got ", repeats);
  Shape wide = x.shape(), shape = x.shape();
  wide.insert(axis + 1, repeats);
  require<MemoryError>(
      !__builtin_mul_overflow(shape[axis], repeats, &shape[axis]),
      "repeat: axis ", axis, " must stay below 2^63 elements, got ", repeats,
      " repeats");
  return reshape(broadcast_to(expand_dims(x, {axis + 1}), wide), shape);
}

Array tile(const Array& x, Shape repetitions) {
  Shape sizes = x.shape();
  while (sizes.size() < repetitions.size()) sizes.insert(0, 1);
  while (repetitions.size() < sizes.size()) repetitions.insert(0, 1);
  Shape narrow, wide, shape;
  for (int64_t i = 0; i < sizes.size(); ++i) {
    int64_t n = sizes[i], times = repetitions[i], total;
    require(times >= 0, "tile: reps must not be negative, got ", repetitions);
    require<MemoryError>(
        !__builtin_mul_overflow(n, times, &total), "tile: axis ", i,
        " must stay below 2^63 elements, got reps ", repetitions);
    narrow.push_back(1);
    narrow.push_back(n);
    wide.push_back(times);
    wide.push_back(n);
    shape.push_back(total);
  }
  return reshape(broadcast_to(reshape(x, narrow), wide), shape);
}

Array pad(const Array& x, const Shape& low, const Shape& high,
          const Array& value) {
  Shape shape = padded_shape(x, low, high);
  if (shape == x.shape()) return x;
  require(broadcast_shapes(value.shape(), shape, "pad") == shape,
          "pad: value must broadcast to shape ", shape, ", got ",
          value.shape());
  Shape stop(x.ndim());
  for (int64_t i = 0; i < x.ndim(); ++i) stop[i] = low[i] + x.shape(i);
  return slice_update(broadcast_to(astype(value, x.dtype()), shape), x, low,
                      stop, Shape(x.ndim(), 1));
}

Array pad(const Array& x, const Shape& low, const Shape& high, PadMode mode) {
  Shape shape = padded_shape(x, low, high);
  Array padded = x;
  for (int64_t axis = 0; axis < x.ndim(); ++axis) {
    int64_t n = x.shape(axis);
    if (shape[axis] == n) continue;
    require(n > 0, "pad: axis ", axis,
            " must have an element to continue, got shape ", x.shape());
    padded = take(padded, sources(n, low[axis], high[axis], mode), axis);
  }
  return padded;
}

Array slice_update(const Array& x, const Array& update, const Shape& start,
                   const Shape& stop, const Shape& step) {
  Array window = slice(x, start, stop, step);
  const Shape& shape = window.shape();
  require(broadcast_shapes(update.shape(), shape, "slice_update") == shape,
          "slice_update: update must broadcast to shape ", shape, ", got ",
          update.shape());
  Array values = broadcast_to(astype(update, x.dtype()), shape);
  if (window.get() == x.get()) return values;
  return make_array(std::make_shared<SliceUpdate>(start, stop, step), x.shape(),
                    x.dtype(), {x, values});
}

}  // namespace ingot
