// layer_norm and rms_norm: arguments, result types and derivatives. The
// gradient is an operation of its own; derivatives of that go through the same
// formula as a graph.
// SPDX-License-Identifier: MIT
#include <cmath>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

const char* name_of(const Normalization& what) {
  return what.centered ? "layer_norm" : "rms_norm";
}

// Which inputs are what: x, then the weight and the bias where there are any,
// then for a gradient the cotangent.
struct Layout : NormalizeLayout {
  int weight() const { return weighted ? 1 : -1; }
  int bias() const { return biased ? 1 + weighted : -1; }
  int cotangent() const { return 1 + weighted + biased; }
};

const Array* input(const Inputs& in, int i) { return i < 0 ? nullptr : &in[i]; }

// The gradients of the inputs listed in `wanted`, from ordinary operations:
// with y = (x - m) / r and g the gradient of y that of x is
// (g - mean(g) - y mean(g y)) / r, without mean(g) where m = 0.
Arrays compose(const Normalization& what, Layout at, const Inputs& in,
               const std::vector<int>& wanted) {
  Dtype dtype = compute_type(in[at.cotangent()].dtype());
  auto load = [&](int i) { return astype(in[i], dtype); };
  auto average = [](const Array& a) { return mean(a, Shape{-1}, true); };
  Array d = load(0), c = load(at.cotangent());
  // A second time for what rounding the mean has left.
  for (int i = 0; what.centered && i < 2; ++i) d = d - average(d);
  Array root = sqrt(average(square(d)) + Array::scalar(what.eps, dtype));
  Array y = d / root;
  Arrays gradients;
  for (int i : wanted) {
    Array gradient;
    if (i == 0) {
      Array g = at.weighted ? c * load(at.weight()) : c;
      gradient = g - y * average(g * y);
      if (what.centered) gradient = gradient - average(g);
      gradient = gradient / root;
    } else {
      gradient = sum_to(i == at.weight() ? c * y : c, in[i].shape());
    }
    gradients.push_back(astype(gradient, in[i].dtype()));
  }
  return gradients;
}

// Vectors of a batch, so that each broadcasts to the rows of its own example.
Array beside(const Array& vectors, const Array& x) {
  Shape shape(x.ndim(), 1);
  shape[0] = vectors.shape(0);
  shape.back() = vectors.shape().back();
  return reshape(vectors, shape);
}

class NormalizeVjp final : public Op {
 public:
  NormalizeVjp(Normalization what, Layout at, std::vector<int> wanted)
      : what_(what), at_(at), wanted_(std::move(wanted)) {}
  const char* name() const override { return name_of(what_); }
  std::optional<Saved> saved() const override {
    return Saved{
        "normalize_gradients",
        {what_.centered, what_.eps, at_.weighted, at_.biased, wanted_}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    const Array& x = in[wanted_[static_cast<size_t>(output)]];
    return {x.shape(), x.dtype()};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    NormalizationGradients gradients{};
    for (int64_t k = 0; k < out.size(); ++k) {
      out[k].allocate();
      int i = wanted_[static_cast<size_t>(k)];
      (i == 0            ? gradients.x
       : i == at_.bias() ? gradients.bias
                         : gradients.weight) = &out[k];
    }
    backend.normalize_vjp(what_, in[0], input(in, at_.weight()),
                          in[at_.cotangent()], gradients);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    return vjp_through(
        [&](const Inputs& inner) {
          return compose(what_, at_, inner, wanted_);
        },
        in, cotangents, wanted);
  }

  // Rows are rows, but vectors' gradients are sums over those of one example.
  Arrays vmap(const Batch& batch) const override {
    Inputs in = batch.along();
    bool rows = wanted_.size() == 1 && wanted_[0] == 0;
    for (int i : {at_.weight(), at_.bias()}) {
      if (i >= 0) rows &= !batch.has_axis[static_cast<size_t>(i)];
    }
    if (rows) {
      for (int i = 1; i < at_.cotangent(); ++i) in[i] = batch.in[i];
      return batch.build(std::move(in));
    }
    for (int i = 1; i < at_.cotangent(); ++i) in[i] = beside(in[i], in[0]);
    Arrays gradients = compose(what_, at_, in, wanted_);
    for (size_t k = 0; k < gradients.size(); ++k) {
      const Shape& shape = batch.link.specs[static_cast<int64_t>(k)].shape;
      gradients[k] = reshape(gradients[k], with_first(batch.size, shape));
    }
    return gradients;
  }

 private:
  Normalization what_;
  Layout at_;
  std::vector<int> wanted_;  // inputs whose gradients are the outputs
};

class Normalize final : public Op {
 public:
  Normalize(Normalization what, Layout at) : what_(what), at_(at) {}
  const char* name() const override { return name_of(what_); }
  std::optional<Saved> saved() const override {
    return Saved{"normalize",
                 {what_.centered, what_.eps, at_.weighted, at_.biased}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate_or_donate(in, out[0]);
    backend.normalize(what_, in[0], input(in, at_.weight()),
                      input(in, at_.bias()), out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Inputs all = in;
    all.push_back(cotangents[0]);
    return make_arrays(std::make_shared<NormalizeVjp>(what_, at_, wanted),
                       static_cast<int64_t>(wanted.size()), std::move(all));
  }

  Arrays vmap(const Batch& batch) const override {
    bool same = true;
    for (size_t i = 1; i < batch.has_axis.size(); ++i) {
      same &= !batch.has_axis[i];
    }
    if (same) return batch.build(batch.in);
    // Vectors of their own come afterwards.
    Dtype dtype = batch.link.specs[0].dtype, compute = compute_type(dtype);
    Array x = astype(batch.along(0), compute);
    Array y =
        make_array(std::make_shared<Normalize>(what_, Layout{false, false}),
                   x.shape(), compute, {x});
    auto vectors = [&](int i) {
      return astype(beside(batch.along(i), x), compute);
    };
    if (at_.weighted) y = y * vectors(at_.weight());
    if (at_.biased) y = y + vectors(at_.bias());
    return {astype(y, dtype)};
  }

 private:
  Normalization what_;
  Layout at_;
};

// Half types beside float32 are widened by the kernels; what else is not of the
// type that is computed in is converted to it first.
Array widened(const Array& x, Dtype result) {
  Dtype compute = compute_type(result);
  return compute_type(x.dtype()) == compute ? x : astype(x, compute);
}

Array normalize(Normalization what, const Array& x, const Array& weight,
                const Array& bias) {
  const char* name = name_of(what);
  require(x.ndim() > 0, name, ": x must have at least one dimension, got ",
          "shape ", x.shape());
  require(std::isfinite(what.eps) && what.eps >= 0, name,
          ": eps must be finite and at least 0, got ", what.eps);
  Shape row = {x.shape(x.ndim() - 1)};
  Dtype result = x.dtype();
  auto check = [&](const char* kind, const Array& vector) {
    if (!vector) return;
    require(vector.shape() == row, name, ": ", kind, " must have shape ", row,
            ", got ", vector.shape());
    result = promote(result, vector.dtype());
  };
  check("weight", weight);
  check("bias", bias);
  result = floating(result);
  Inputs in = {widened(x, result)};
  if (weight) in.push_back(widened(weight, result));
  if (bias) in.push_back(widened(bias, result));
  Layout at{{static_cast<bool>(weight), static_cast<bool>(bias)}};
  return make_array(std::make_shared<Normalize>(what, at), x.shape(), result,
                    std::move(in));
}

// Of inputs that a file has: `count` besides x, weight and bias.
Layout checked(const Normalization& what, NormalizeLayout layout,
               const Arrays& in, int64_t count, Dtype result) {
  Layout at{layout};
  const char* name = name_of(what);
  require(std::ssize(in) == at.cotangent() + count, name, ": there must be ",
          at.cotangent() + count, " inputs, got ", in.size());
  require(in[0].ndim() > 0 && is_floating(result), name,
          ": x must have at least one dimension, and a floating result");
  for (int i = 0; i < at.cotangent(); ++i) {
    const Array& x = in[static_cast<size_t>(i)];
    Shape row = {in[0].shape().back()};
    require(i == 0 || x.shape() == row, name, ": vectors must have shape ", row,
            ", got ", x.shape());
    require(compute_type(x.dtype()) == compute_type(result), name,
            ": inputs must be of the type that is computed in, got ",
            x.dtype());
  }
  return at;
}

}  // namespace

Array normalized(Normalization what, NormalizeLayout layout, const Arrays& in,
                 Dtype result) {
  Layout at = checked(what, layout, in, 0, result);
  return make_array(std::make_shared<Normalize>(what, at), in[0].shape(),
                    result, Inputs(in.begin(), in.end()));
}

Arrays normalize_gradients(Normalization what, NormalizeLayout layout,
                           const Arrays& in, const Shape& wanted) {
  require(!in.empty(), name_of(what), ": there must be inputs, got none");
  Layout at = checked(what, layout, in, 1, in.back().dtype());
  require(in.back().shape() == in[0].shape(), name_of(what),
          ": the cotangent must have shape ", in[0].shape(), ", got ",
          in.back().shape());
  std::vector<int> inputs;
  for (int64_t i : wanted) {
    bool ascends = inputs.empty() ? i >= 0 : i > inputs.back();
    require(ascends && i < at.cotangent(), name_of(what), ": gradients must ",
            "be of inputs, in their order, got ", wanted);
    inputs.push_back(static_cast<int>(i));
  }
  return make_arrays(std::make_shared<NormalizeVjp>(what, at, inputs),
                     wanted.size(), Inputs(in.begin(), in.end()));
}

Array layer_norm(const Array& x, const Array& weight, const Array& bias,
                 double eps) {
  return normalize({true, eps}, x, weight, bias);
}

Array rms_norm(const Array& x, const Array& weight, double eps) {
  return normalize({false, eps}, x, weight, Array());
}

}  // namespace ingot
