// Windows on memory that step through it otherwise than axis by axis: diagonals,
// and any shape and strides at all.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Where a diagonal of a matrix lies; above the main one if `offset` is positive.
struct Line {
  int64_t row, column, size;

  Line(int64_t rows, int64_t columns, int64_t offset) {
    offset = std::clamp(offset, -rows, columns);
    row = std::max<int64_t>(0, -offset);
    column = std::max<int64_t>(0, offset);
    size = std::min(rows - row, columns - column);
  }
};

// The last axis of x on a diagonal of matrices of zeros.
Array spread(const Array& x, int64_t rows, int64_t columns, int64_t offset) {
  Line line(rows, columns, offset);
  Shape flat = x.shape(), shape = x.shape();
  flat.back() = rows * columns;
  shape.back() = rows;
  shape.push_back(columns);
  Shape start(x.ndim()), stop = x.shape(), step(x.ndim(), 1);
  start.back() = line.row * columns + line.column;
  step.back() = columns + 1;
  stop.back() = start.back() + (line.size - 1) * step.back() + 1;
  Array zero = zeros(flat, x.dtype());
  return reshape(slice_update(zero, x, start, stop, step), std::move(shape));
}

// The axes but for two, then those.
Shape with_last(int64_t ndim, int64_t axis1, int64_t axis2) {
  Shape order;
  for (int64_t i = 0; i < ndim; ++i) {
    if (i != axis1 && i != axis2) order.push_back(i);
  }
  order.push_back(axis1);
  order.push_back(axis2);
  return order;
}

class Diagonal final : public UntypedOp {
 public:
  Diagonal(int64_t offset, int64_t axis1, int64_t axis2)
      : offset_(offset), axis1_(axis1), axis2_(axis2) {}
  const char* name() const override { return "diagonal"; }
  std::optional<Saved> saved() const override {
    return Saved{"diagonal", {offset_, axis1_, axis2_}};
  }

  void eval(Backend&, Inputs& in, Outputs& out) const override {
    const Array& x = in[0];
    Line line(x.shape(axis1_), x.shape(axis2_), offset_);
    int64_t down = x.strides()[axis1_], right = x.strides()[axis2_];
    Strides strides;
    for (int64_t i = 0; i < x.ndim(); ++i) {
      if (i != axis1_ && i != axis2_) strides.push_back(x.strides()[i]);
    }
    strides.push_back(down + right);
    int64_t offset = line.row * down + line.column * right;
    if (out[0].size() == 0) offset = 0;
    out[0].view_of(x, std::move(strides), offset * x.itemsize());
  }

  Arrays vmap(const Batch& batch) const override {
    auto op = std::make_shared<Diagonal>(offset_, axis1_ + 1, axis2_ + 1);
    return batch.build(std::move(op), batch.in);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    const Array& x = in[0];
    if (out[0].size() == 0) return {Array()};
    Array last =
        spread(cotangents[0], x.shape(axis1_), x.shape(axis2_), offset_);
    Shape order = with_last(x.ndim(), axis1_, axis2_), inverse(x.ndim());
    for (int64_t i = 0; i < x.ndim(); ++i) inverse[order[i]] = i;
    return {transpose(last, inverse)};
  }

 private:
  int64_t offset_, axis1_, axis2_;
};

// The first and the last place that a window touches; ValueError where they do
// not lie within `size` elements.
void require_reach(const Shape& shape, const Strides& strides, int64_t offset,
                   int64_t size) {
  int64_t first = offset, last = offset;
  bool overflow = false;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) return;
    int64_t span, &end = strides[i] < 0 ? first : last;
    overflow |= __builtin_mul_overflow(shape[i] - 1, strides[i], &span) ||
                __builtin_add_overflow(end, span, &end);
  }
  require(!overflow, "as_strided: shape ", shape, " with strides ", strides,
          " must stay within the ", size, " elements of a, but reaches beyond ",
          "2^63");
  require(first >= 0 && last < size, "as_strided: shape ", shape,
          " with strides ", strides, " and offset ", offset,
          " must stay within the ", size, " elements of a, but reaches from ",
          first, " to ", last);
}

// Elements in row-major order, seen through any strides: they may overlap, and
// then what depends on one place adds up in its gradient.
class AsStrided final : public UntypedOp {
 public:
  AsStrided(Strides strides, int64_t offset)
      : strides_(std::move(strides)), offset_(offset) {}
  const char* name() const override { return "as_strided"; }
  std::optional<Saved> saved() const override {
    return Saved{"as_strided", {strides_, offset_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    Array source = in[0];
    if (!source.contiguous()) {
      source = Array::empty(in[0].shape(), in[0].dtype());
      backend.copy(in[0], source);
    }
    int64_t offset = out[0].size() == 0 ? 0 : offset_;
    out[0].view_of(source, strides_, offset * source.itemsize());
  }

  // Examples lie one behind the other.
  Arrays vmap(const Batch& batch) const override {
    const Array& x = batch.in[0];
    int64_t each = batch.size > 0 ? x.size() / batch.size : 0;
    Strides strides = with_first(each, strides_);
    auto op = std::make_shared<AsStrided>(std::move(strides), offset_);
    return batch.build(std::move(op), batch.in);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    const Array& x = in[0];
    if (out[0].size() == 0) return {Array()};
    Shape updates = out[0].shape();
    updates.push_back(1);
    Array total = scatter(ScatterOp::add, zeros({x.size()}, x.dtype()),
                          {places(out[0].shape())},
                          reshape(cotangents[0], std::move(updates)), {0});
    return {reshape(total, x.shape())};
  }

 private:
  // Which element of x each one shows.
  Array places(const Shape& shape) const {
    Array sum = Array::scalar(offset_, Dtype::int64);
    for (int64_t i = 0; i < shape.size(); ++i) {
      Shape line(shape.size(), 1);
      line[i] = shape[i];
      Array steps = arange(0, static_cast<double>(shape[i]), 1, Dtype::int64);
      Array stride = Array::scalar(strides_[i], Dtype::int64);
      sum = add(sum, reshape(multiply(steps, stride), std::move(line)));
    }
    return broadcast_to(sum, shape);
  }

  Strides strides_;
  int64_t offset_;
};

}  // namespace

Array diagonal(const Array& x, int64_t offset, int64_t axis1, int64_t axis2) {
  require(x.ndim() >= 2, "diagonal: a must have at least 2 dimensions, got ",
          "shape ", x.shape());
  int64_t first = normalize_axis(axis1, x.ndim(), "diagonal");
  int64_t second = normalize_axis(axis2, x.ndim(), "diagonal");
  require(first != second, "diagonal: axis1 and axis2 must differ, got ", axis1,
          " and ", axis2);
  Shape shape;
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (i != first && i != second) shape.push_back(x.shape(i));
  }
  shape.push_back(Line(x.shape(first), x.shape(second), offset).size);
  return make_array(std::make_shared<Diagonal>(offset, first, second),
                    std::move(shape), x.dtype(), {x});
}

Array diag(const Array& x, int64_t k) {
  if (x.ndim() == 2) return diagonal(x, k, 0, 1);
  require(x.ndim() == 1, "diag: a must have 1 or 2 dimensions, got shape ",
          x.shape());
  constexpr int64_t kFar = int64_t{1} << 31;  // its square has 2^62 elements
  int64_t n = x.size() + std::abs(std::clamp(k, -kFar, kFar));
  require<MemoryError>(n < kFar, "diag: the matrix must have fewer than 2^31 ",
                       "rows, got ", x.size(), " elements and k ", k);
  return spread(x, n, n, k);
}

Array trace(const Array& x, int64_t offset, int64_t axis1, int64_t axis2,
            std::optional<Dtype> dtype) {
  Array line = diagonal(x, offset, axis1, axis2);
  if (!dtype) return sum(line, Shape{-1});
  return astype(sum(astype(line, *dtype), Shape{-1}), *dtype);
}

Array as_strided(const Array& x, const Shape& shape, const Strides& strides,
                 int64_t offset) {
  require(strides.size() == shape.size(),
          "as_strided: there must be a stride for each axis of shape ", shape,
          ", got ", strides);
  int64_t size = size_of(shape, x.dtype(), "as_strided");
  require_reach(shape, strides, offset, x.size());
  Strides steps = strides;  // 0 where none is taken: those may be of any size
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (size == 0 || shape[i] == 1) steps[i] = 0;
  }
  return make_array(std::make_shared<AsStrided>(std::move(steps), offset),
                    shape, x.dtype(), {x});
}

}  // namespace ingot
