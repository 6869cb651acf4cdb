// Convolutions: shapes, types and derivatives. What is turned around or
// transposed is a view; the backends know one general form, see Convolution.
// SPDX-License-Identifier: MIT
#include "csrc/ops/conv.h"

#include <algorithm>

#include "csrc/backend.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Of sizes and settings: their products then fit 64 bits.
constexpr int64_t kLimit = int64_t{1} << 31;

int64_t spatial_dims(const Array& x) { return x.ndim() - 2; }

// x the other way round along its spatial dimensions.
Array reversed(const Array& x) {
  Shape start(x.ndim(), 0), stop = x.shape(), step(x.ndim(), 1);
  for (int64_t d = 1; d < x.ndim() - 1; ++d) {
    start[d] = x.shape(d) - 1;
    stop[d] = -1;
    step[d] = -1;
  }
  return slice(x, start, stop, step);
}

// (groups * a, ..., b) as (groups * b, ..., a).
Array exchanged(const Array& x, int64_t groups) {
  int64_t last = x.ndim() - 1;
  if (groups == 1) return swapaxes(x, 0, last);
  Shape shape = x.shape();
  int64_t a = shape[0] / groups, b = shape[last];
  Shape apart = {groups, a};
  apart.append(shape.begin() + 1, shape.end());
  shape[0] = groups * b;
  shape[last] = a;
  return reshape(swapaxes(reshape(x, apart), 1, last + 1), shape);
}

Array convolved(const Convolution& what, const Array& x, const Array& weight,
                const Shape& positions);
Array weight_gradient(const Convolution& what, const Array& x,
                      const Array& cotangent, const Shape& shape);

// What takes the cotangent and the weight, exchanged and reversed, to the
// gradient of x.
Convolution transposed(const Convolution& what, const Shape& weight) {
  Convolution back = what;
  std::swap(back.stride, back.input_dilation);
  for (int64_t d = 0; d < what.low.size(); ++d) {
    back.low[d] = (weight[d + 1] - 1) * what.kernel_dilation[d] - what.low[d];
  }
  return back;
}

Array input_gradient(const Convolution& what, const Array& cotangent,
                     const Array& weight, const Shape& shape) {
  return convolved(transposed(what, weight.shape()), cotangent,
                   reversed(exchanged(weight, what.groups)),
                   Shape(shape.begin() + 1, shape.end() - 1));
}

Saved saved_as(const char* name, const Convolution& what) {
  return {name,
          {what.stride, what.low, what.kernel_dilation, what.input_dilation,
           what.groups}};
}

// The same for `examples` at once, each in groups of its own.
Convolution each_by_itself(const Convolution& what, int64_t examples) {
  Convolution all = what;
  all.groups *= examples;
  return all;
}

// Examples' channels one behind the other.
Array beside(const Array& x) { return flatten(moveaxis(x, 0, -2), -2, -1); }

// Weights (examples, groups * outputs, ...) as one with the outputs of all
// examples in each group.
Array outputs_of_groups(const Array& weight, int64_t groups) {
  Array apart = unflatten(weight, 1, {groups, weight.shape(1) / groups});
  return flatten(moveaxis(apart, 0, 1), 0, 2);
}

class Conv final : public Op {
 public:
  explicit Conv(Convolution what) : what_(std::move(what)) {}
  const char* name() const override { return "conv"; }
  std::optional<Saved> saved() const override {
    return saved_as("conv", what_);
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    if (in[0].size() > 0 && in[1].size() > 0) {
      backend.convolve(what_, in[0], in[1], out[0]);
    } else {
      backend.fill({0, 0}, out[0]);
    }
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(
          i == 0 ? input_gradient(what_, cotangents[0], in[1], in[0].shape())
                 : weight_gradient(what_, in[0], cotangents[0], in[1].shape()));
    }
    return gradients;
  }

  // One weight: examples in one batch. Several: groups of their own, or, of the
  // same x, further outputs of each group, unless that has but one channel.
  Arrays vmap(const Batch& batch) const override {
    if (batch.size == 0) return {};
    if (!batch.has_axis[1]) return batch.folded(1);
    const Array &x = batch.in[0], &weight = batch.in[1];
    const Shape& shape = batch.link.specs[0].shape;
    Shape positions(shape.begin() + 1, shape.end() - 1);
    int64_t n = batch.size, outputs = shape.back();
    bool narrow = what_.groups > 1 && weight.shape().back() == 1;
    if (!batch.has_axis[0] && !narrow) {
      Array y = convolved(what_, x, outputs_of_groups(weight, what_.groups),
                          positions);
      Array apart = unflatten(y, -1, {what_.groups, n, outputs / what_.groups});
      return {flatten(moveaxis(apart, -2, 0), -2, -1)};
    }
    Array y = convolved(each_by_itself(what_, n), beside(batch.along(0)),
                        flatten(weight, 0, 1), positions);
    return {moveaxis(unflatten(y, -1, {n, outputs}), -2, 0)};
  }

 private:
  Convolution what_;
};

// The gradient of the weight, from x and the cotangent: linear in either.
class ConvWeight final : public Op {
 public:
  explicit ConvWeight(Convolution what) : what_(std::move(what)) {}
  const char* name() const override { return "conv_weight"; }
  std::optional<Saved> saved() const override {
    return saved_as("conv_weight", what_);
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    if (in[0].size() > 0 && in[1].size() > 0) {
      backend.convolve_weight(what_, in[0], in[1], out[0]);
    } else {
      backend.fill({0, 0}, out[0]);
    }
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    const Shape& positions = in[1].shape();
    for (int i : wanted) {
      gradients.push_back(
          i == 0
              ? input_gradient(what_, in[1], cotangents[0], in[0].shape())
              : convolved(what_, in[0], cotangents[0],
                          Shape(positions.begin() + 1, positions.end() - 1)));
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    if (batch.size == 0) return {};
    Shape shape = batch.shape();
    Array gradient = weight_gradient(
        each_by_itself(what_, batch.size), beside(batch.along(0)),
        beside(batch.along(1)),
        with_first(shape[0] * shape[1], Shape(shape.begin() + 2, shape.end())));
    return {unflatten(gradient, 0, {shape[0], shape[1]})};
  }

 private:
  Convolution what_;
};

Array convolved(const Convolution& what, const Array& x, const Array& weight,
                const Shape& positions) {
  Shape shape = {x.shape(0)};
  shape.append(positions.begin(), positions.end());
  shape.push_back(weight.shape(0));
  size_of(shape, x.dtype(), "conv");
  return make_array(std::make_shared<Conv>(what), std::move(shape), x.dtype(),
                    {x, weight});
}

bool all_ones(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(),
                     [](int64_t n) { return n == 1; });
}

Array weight_gradient(const Convolution& what, const Array& x,
                      const Array& cotangent, const Shape& shape) {
  // Of a transposed convolution it is that of the convolution, whose input is
  // not dilated: x and the cotangent change places.
  if (all_ones(what.stride) && !all_ones(what.input_dilation)) {
    Shape other = shape;
    other[0] = shape.back() * what.groups;
    other.back() = shape[0] / what.groups;
    Array gradient =
        weight_gradient(transposed(what, shape), cotangent, x, other);
    return reversed(exchanged(gradient, what.groups));
  }
  return make_array(std::make_shared<ConvWeight>(what), shape, x.dtype(),
                    {x, cotangent});
}

// --- checks ---

// Of the arrays of a function, and its settings.
struct Checked {
  const char* name;
  int64_t dims;

  // One number for each spatial dimension, `least` or more.
  Shape operator()(const Shape& values, const char* what, int64_t least) const {
    require(values.size() == 1 || values.size() == dims, name, ": ", what,
            " must have one number, or one for each of ", dims,
            " spatial dimensions, got ", values);
    for (int64_t value : values) {
      require(value > -kLimit && value < kLimit, name, ": ", what,
              " must be within 2^31, got ", values);
      require(value >= least, name, ": ", what, " must be at least ", least,
              ", got ", values);
    }
    return values.size() == dims ? values : Shape(dims, values[0]);
  }
};

Dtype check_operands(const Array& x, const Array& weight, int64_t groups,
                     const char* name, int64_t dims) {
  Dtype dtype = promote(x.dtype(), weight.dtype());
  require(is_floating(dtype), name, ": input and weight must promote to a ",
          "floating type, got ", x.dtype(), " and ", weight.dtype());
  constexpr const char* counts[] = {"1 to 3", "1", "2", "3"};
  bool fits = dims > 0 ? x.ndim() == dims + 2 : x.ndim() >= 3 && x.ndim() <= 5;
  require(fits, name, ": input must have shape (batch, spatial..., channels) ",
          "with ", counts[dims], " spatial dimensions, got shape ", x.shape());
  require(weight.ndim() == x.ndim(), name, ": weight must have ", x.ndim(),
          " dimensions as input has, got shapes ", weight.shape(), " and ",
          x.shape());
  int64_t channels = x.shape().back(), outputs = weight.shape(0);
  require(groups >= 1, name, ": groups must be at least 1, got ", groups);
  require(channels % groups == 0 && outputs % groups == 0, name,
          ": groups must divide the channels of input and the outputs of ",
          "weight, got ", groups, " for shapes ", x.shape(), " and ",
          weight.shape());
  require(weight.shape().back() == channels / groups, name,
          ": last dimension of weight must be channels of input / groups, got ",
          "shapes ", weight.shape(), " and ", x.shape(), ", groups ", groups);
  for (int64_t d = 1; d <= spatial_dims(x); ++d) {
    require(weight.shape(d) >= 1, name, ": weight must have at least one tap ",
            "in each spatial dimension, got shape ", weight.shape());
    require(std::max(x.shape(d), weight.shape(d)) < kLimit, name,
            ": spatial dimensions must be within 2^31, got shapes ", x.shape(),
            " and ", weight.shape());
  }
  return dtype;
}

// The elements that n reach over with gaps between them; 0 for none.
int64_t extent(int64_t n, int64_t dilation) {
  return n == 0 ? 0 : (n - 1) * dilation + 1;
}

// Of settings for each dimension; `high` is the padding at the other end.
Array run(const Convolution& what, const Shape& high, Array x, Array weight,
          const char* name) {
  Shape positions;
  for (int64_t d = 0; d < high.size(); ++d) {
    int64_t taps = extent(weight.shape(d + 1), what.kernel_dilation[d]);
    int64_t length =
        extent(x.shape(d + 1), what.input_dilation[d]) + what.low[d] + high[d];
    require(length >= taps, name,
            ": weight must not be longer than the padded ", "input, got ", taps,
            " and ", length, " in spatial dimension ", d, " for shapes ",
            weight.shape(), " and ", x.shape());
    positions.push_back((length - taps) / what.stride[d] + 1);
  }
  Convolution how = what;
  // Several outputs of one channel: one of each of as many equal channels.
  int64_t outputs = weight.shape(0) / how.groups;
  if (how.groups > 1 && weight.shape().back() == 1 && outputs > 1) {
    x = repeat(x, outputs, -1);
    how.groups *= outputs;
  }
  return convolved(how, x, weight, positions);
}

// As a file has it: what the backends count on.
Convolution checked(const Convolution& what, int64_t dims) {
  Checked each{"conv", dims};
  return {each(what.stride, "stride", 1), each(what.low, "padding", -kLimit),
          each(what.kernel_dilation, "kernel_dilation", 1),
          each(what.input_dilation, "input_dilation", 1), what.groups};
}

void check_positions(const Shape& positions, int64_t dims) {
  require(positions.size() == dims, "conv: there must be ", dims,
          " spatial dimensions, got positions ", positions);
  for (int64_t n : positions) {
    require(n >= 0 && n < kLimit, "conv: positions must be within 2^31, got ",
            positions);
  }
}

}  // namespace

Array convolved_at(const Convolution& what, const Array& x, const Array& weight,
                   const Shape& positions) {
  check_operands(x, weight, what.groups, "conv", 0);
  require(x.dtype() == weight.dtype(), "conv: input and weight must have one ",
          "dtype, got ", x.dtype(), " and ", weight.dtype());
  check_positions(positions, spatial_dims(x));
  return convolved(checked(what, spatial_dims(x)), x, weight, positions);
}

Array convolved_weight(const Convolution& what, const Array& x,
                       const Array& cotangent, const Shape& shape) {
  // Of what it would be the weight.
  check_operands(x, zeros(shape, x.dtype()), what.groups, "conv", 0);
  Shape positions(cotangent.shape().begin() + (cotangent.ndim() > 0),
                  cotangent.shape().end() - (cotangent.ndim() > 1));
  check_positions(positions, spatial_dims(x));
  require(cotangent.shape(0) == x.shape(0) &&
              cotangent.shape().back() == shape[0] &&
              cotangent.dtype() == x.dtype(),
          "conv: the cotangent must have the batch and dtype of input and the ",
          "outputs of weight, got shapes ", cotangent.shape(), ", ", x.shape(),
          " and ", shape);
  return make_array(
      std::make_shared<ConvWeight>(checked(what, spatial_dims(x))), shape,
      x.dtype(), {x, cotangent});
}

Array conv(const Array& x, const Array& weight, const ConvOptions& options,
           const char* name, int64_t dims) {
  Dtype dtype = check_operands(x, weight, options.groups, name, dims);
  Checked checked{name, spatial_dims(x)};
  Convolution what;
  what.stride = checked(options.stride, "stride", 1);
  what.low = checked(options.low, "padding", -kLimit);
  what.kernel_dilation =
      checked(options.dilation, dims == 0 ? "kernel_dilation" : "dilation", 1);
  what.input_dilation = checked(options.input_dilation, "input_dilation", 1);
  what.groups = options.groups;
  Array taps = astype(weight, dtype);
  if (options.flip) taps = reversed(taps);
  return run(what, checked(options.high, "padding", -kLimit), astype(x, dtype),
             taps, name);
}

Array conv_transpose(const Array& x, const Array& weight,
                     const ConvTransposeOptions& options, const char* name,
                     int64_t dims) {
  Dtype dtype = check_operands(x, weight, options.groups, name, dims);
  Checked checked{name, dims};
  Convolution what;
  what.stride = Shape(dims, 1);
  what.input_dilation = checked(options.stride, "stride", 1);
  what.kernel_dilation = checked(options.dilation, "dilation", 1);
  what.groups = options.groups;
  Shape padding = checked(options.padding, "padding", -kLimit);
  Shape high = checked(options.output_padding, "output_padding", 0);
  for (int64_t d = 0; d < dims; ++d) {
    int64_t around =
        (weight.shape(d + 1) - 1) * what.kernel_dilation[d] - padding[d];
    what.low.push_back(around);
    high[d] += around;
  }
  return run(what, high, astype(x, dtype), reversed(astype(weight, dtype)),
             name);
}

}  // namespace ingot
