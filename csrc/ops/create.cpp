// Arrays from nothing: constants, ranges, identity and triangles.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"

namespace ingot {
namespace {

class Fill final : public UntypedOp {
 public:
  explicit Fill(Number value) : value_(value) {}
  const char* name() const override { return "full"; }
  void eval(Backend& backend, Inputs&, Outputs& out) const override {
    out[0].allocate();
    backend.fill(value_, out[0]);
  }
  std::optional<Saved> saved() const override {
    return Saved{"full", {value_.real, value_.integer, value_.imaginary}};
  }

 private:
  Number value_;
};

class Arange final : public UntypedOp {
 public:
  Arange(double start, double step) : start_(start), step_(step) {}
  const char* name() const override { return "arange"; }
  void eval(Backend& backend, Inputs&, Outputs& out) const override {
    out[0].allocate();
    backend.arange(start_, step_, out[0]);
  }
  std::optional<Saved> saved() const override {
    return Saved{"arange", {start_, step_}};
  }

 private:
  double start_, step_;
};

class Eye final : public UntypedOp {
 public:
  explicit Eye(int64_t diagonal) : diagonal_(diagonal) {}
  const char* name() const override { return "eye"; }
  void eval(Backend& backend, Inputs&, Outputs& out) const override {
    out[0].allocate();
    backend.eye(diagonal_, out[0]);
  }
  std::optional<Saved> saved() const override {
    return Saved{"eye", {diagonal_}};
  }

 private:
  int64_t diagonal_;
};

// Rows and columns of the last two axes, as a boolean lower triangle.
Array lower_triangle(const Array& x, int64_t diagonal, const char* op) {
  require(x.ndim() >= 2, op, ": x must have at least 2 dimensions, got shape ",
          x.shape());
  return tri(x.shape(x.ndim() - 2), x.shape(x.ndim() - 1), diagonal,
             Dtype::bool_);
}

}  // namespace

Array full(const Shape& shape, Number value, Dtype dtype) {
  return make_array(std::make_shared<Fill>(value), shape, dtype, {});
}

Array zeros(const Shape& shape, Dtype dtype) {
  size_of(shape, dtype, "zeros");
  return full(shape, {0, 0}, dtype);
}

Array ones(const Shape& shape, Dtype dtype) {
  size_of(shape, dtype, "ones");
  return full(shape, {1, 1}, dtype);
}

Array zeros_like(const Array& x) { return zeros(x.shape(), x.dtype()); }
Array ones_like(const Array& x) { return ones(x.shape(), x.dtype()); }

Array arange(double start, double stop, double step, Dtype dtype) {
  require(std::isfinite(start) && std::isfinite(stop) && std::isfinite(step),
          "arange: start, stop and step must be finite, got ", start, ", ",
          stop, ", ", step);
  require(step != 0, "arange: step must not be zero");
  require<TypeError>(dtype != Dtype::bool_,
                     "arange: dtype must be a number type, got bool");
  double count = std::max(0.0, std::ceil((stop - start) / step));
  require<MemoryError>(count < 0x1p62,
                       "arange: the number of elements must be "
                       "below 2^62, got ",
                       count);
  return progression(start, step, static_cast<int64_t>(count), dtype);
}

Array linspace(double start, double stop, int64_t num, Dtype dtype,
               bool endpoint) {
  require(num >= 0, "linspace: num must not be negative, got ", num);
  int64_t steps = endpoint ? num - 1 : num;
  double step = steps > 0 ? (stop - start) / static_cast<double>(steps) : 0;
  return progression(start, step, num, dtype);
}

Array progression(double start, double step, int64_t size, Dtype dtype) {
  return make_array(std::make_shared<Arange>(start, step), {size}, dtype, {});
}

Array eye(int64_t rows, int64_t columns, int64_t diagonal, Dtype dtype) {
  return make_array(std::make_shared<Eye>(diagonal), {rows, columns}, dtype,
                    {});
}

Array tri(int64_t rows, int64_t columns, int64_t diagonal, Dtype dtype) {
  size_of({rows, columns}, dtype, "tri");
  auto column =
      reshape(arange(0, static_cast<double>(rows), 1, Dtype::int64), {rows, 1});
  auto row = arange(-static_cast<double>(diagonal),
                    static_cast<double>(columns - diagonal), 1, Dtype::int64);
  return astype(greater_equal(column, row), dtype);
}

Array tril(const Array& x, int64_t diagonal) {
  return where(lower_triangle(x, diagonal, "tril"), x,
               Array::scalar(int64_t{0}, x.dtype()));
}

Array triu(const Array& x, int64_t diagonal) {
  return where(lower_triangle(x, diagonal - 1, "triu"),
               Array::scalar(int64_t{0}, x.dtype()), x);
}

}  // namespace ingot
