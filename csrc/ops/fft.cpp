// Discrete Fourier transforms of complex and of real numbers.
// SPDX-License-Identifier: MIT
#include "csrc/ops/fft.h"

#include <algorithm>
#include <cmath>

#include "csrc/backend.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

Array transform(const Fourier& what, const Array& x, Shape shape);

// What each element of half a spectrum of n elements stands for: itself where it
// is its own conjugate, else `others` of them.
Array times_weights(const Array& x, int64_t axis, int64_t n, double others) {
  int64_t m = x.shape(axis);
  Shape line(x.ndim(), 1);
  line[axis] = m;
  Array k = arange(0, static_cast<double>(m), 1, Dtype::int64);
  Array alone = equal(remainder(k + k, Array::scalar(n, Dtype::int64)),
                      Array::scalar(int64_t{0}, Dtype::int64));
  Array weights = where(alone, Array::scalar(1.0, Dtype::float32),
                        Array::scalar(others, Dtype::float32));
  return x * reshape(weights, std::move(line));
}

class Transform final : public UntypedOp {
 public:
  explicit Transform(Fourier what) : what_(std::move(what)) {}
  const char* name() const override { return "fourier"; }
  std::optional<Saved> saved() const override {
    return Saved{name(), {what_.kind, what_.inverse, what_.scale, what_.axes}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.fourier(what_, in[0], out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    Fourier what = what_;
    what.axes = shifted(what.axes);
    return batch.build(std::make_shared<Transform>(std::move(what)), batch.in);
  }

  // The matrix is symmetric: its adjoint is the one of the conjugates.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Fourier what = what_;
    what.inverse = !what.inverse;
    const Array &x = in[0], &c = cotangents[0];
    int64_t axis = what.axes.back();
    switch (what.kind) {
      case Fourier::complex:
        return {transform(what, c, x.shape())};
      case Fourier::from_real: {
        what.kind = Fourier::to_real;
        Array weighted = times_weights(c, axis, x.shape(axis), 0.5);
        return {transform(what, weighted, x.shape())};
      }
      case Fourier::to_real:
        break;
    }
    what.kind = Fourier::from_real;
    int64_t n = out[0].shape(axis);
    return {times_weights(transform(what, c, x.shape()), axis, n, 2)};
  }

 private:
  Fourier what_;
};

Array transform(const Fourier& what, const Array& x, Shape shape) {
  Dtype dtype =
      what.kind == Fourier::to_real ? Dtype::float32 : Dtype::complex64;
  return make_array(std::make_shared<Transform>(what), std::move(shape), dtype,
                    {x});
}

// x with the first n elements of an axis, of which the missing ones are 0.
Array resized(const Array& x, int64_t axis, int64_t n) {
  if (x.shape(axis) > n) {
    Shape stop = x.shape();
    stop[axis] = n;
    return slice(x, Shape(x.ndim(), 0), stop, Shape(x.ndim(), 1));
  }
  Shape low(x.ndim(), 0), high = low;
  high[axis] = n - x.shape(axis);
  return pad(x, low, high, Array::scalar(0.0, x.dtype()));
}

// Which axes are transformed, and to what lengths.
struct Lengths {
  Shape axes, sizes;

  Lengths(const FourierCall& call, const Array& x,
          const std::optional<Shape>& wished, const Axes& wished_axes) {
    int64_t count = wished ? wished->size() : x.ndim();
    Shape last;
    for (int64_t i = 0; i < count && !wished_axes; ++i)
      last.push_back(i - count);
    const Shape& given = wished_axes ? *wished_axes : last;
    require(!wished || wished->size() == given.size(), call.name,
            ": there must be one size for each axis, got sizes ",
            wished.value_or(Shape()), " for axes ", given);
    normalize_axes(given, x.ndim(), call.name);
    bool real = call.kind != Fourier::complex;
    require(!real || !given.empty(), call.name,
            ": there must be an axis, got axes ", given);
    for (int64_t i = 0; i < given.size(); ++i) {
      axes.push_back(normalize_axis(given[i], x.ndim(), call.name));
      bool half = call.kind == Fourier::to_real && i + 1 == given.size();
      int64_t n = x.shape(axes.back());
      sizes.push_back(wished ? (*wished)[i] : half ? 2 * (n - 1) : n);
      require(sizes.back() > 0, call.name,
              ": an axis must have elements to transform, got size ",
              sizes.back(), " for axis ", given[i], " of shape ", x.shape());
    }
  }
};

double scale_of(const FourierCall& call, const Shape& sizes) {
  double elements = 1;
  for (int64_t n : sizes) elements *= static_cast<double>(n);
  switch (call.norm) {
    case FourierNorm::backward:
      return call.inverse ? 1 / elements : 1;
    case FourierNorm::ortho:
      return 1 / std::sqrt(elements);
    case FourierNorm::forward:
      break;
  }
  return call.inverse ? 1 : 1 / elements;
}

}  // namespace

Array fourier_of(const Fourier& what, const Array& x, const Shape& shape) {
  bool from_real = what.kind == Fourier::from_real;
  Dtype dtype = from_real ? Dtype::float32 : Dtype::complex64;
  require(x.dtype() == dtype, "fourier: x must have dtype ", dtype, ", got ",
          x.dtype());
  Shape axes = normalize_axes(what.axes, x.ndim(), "fourier");
  require(!axes.empty() && shape.size() == x.ndim(),
          "fourier: there must be axes, and as many dimensions as x has, got ",
          what.axes, " and shape ", shape);
  int64_t last = normalize_axis(what.axes.back(), x.ndim(), "fourier");
  bool whole = what.kind == Fourier::complex;
  for (int64_t i = 0; i < shape.size(); ++i) {
    const Shape& full = from_real ? x.shape() : shape;
    const Shape& half = from_real ? shape : x.shape();
    bool cut = !whole && i == last;
    bool empty =
        full[i] == 0 && std::find(axes.begin(), axes.end(), i) != axes.end();
    require(half[i] == (cut ? full[i] / 2 + 1 : full[i]) && !empty,
            "fourier: shapes must fit, got ", x.shape(), " and ", shape);
  }
  Fourier same = what;
  for (int64_t& axis : same.axes) {
    axis = normalize_axis(axis, x.ndim(), "fourier");
  }
  return transform(same, x, shape);
}

Array fourier(const FourierCall& call, const Array& x,
              const std::optional<Shape>& wished, const Axes& wished_axes) {
  auto [axes, sizes] = Lengths(call, x, wished, wished_axes);
  bool from_real = call.kind == Fourier::from_real;
  require<TypeError>(!from_real || !is_complex(x.dtype()), call.name,
                     ": a must be real, got complex64: fft() takes it");
  Array y = converted(x, from_real ? Dtype::float32 : Dtype::complex64);
  if (axes.empty()) return y;
  Shape shape = y.shape();
  for (int64_t i = 0; i < axes.size(); ++i) {
    bool half = call.kind == Fourier::to_real && i + 1 == axes.size();
    y = resized(y, axes[i], half ? sizes[i] / 2 + 1 : sizes[i]);
    shape[axes[i]] = sizes[i];
  }
  if (from_real) shape[axes.back()] = sizes.back() / 2 + 1;
  Fourier what{call.kind, call.inverse, scale_of(call, sizes), axes};
  return transform(what, y, std::move(shape));
}

}  // namespace ingot
