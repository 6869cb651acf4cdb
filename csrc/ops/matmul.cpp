// Matrix products: shapes, types and derivatives.
// SPDX-License-Identifier: MIT
#include "csrc/ops/matmul.h"

#include <cstring>

#include "csrc/backend.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Whether x is a matrix shown the other way round, as the weight of a linear
// layer is. Its gradient is then computed the other way round too, and comes
// out contiguous in the layout of what was transposed.
bool is_transposed(const Array& x) {
  return x.ndim() == 2 && x->node->op &&
         std::strcmp(x->node->op->name(), "transpose") == 0;
}

Array transposed(const Array& x) { return swapaxes(x, -1, -2); }

Array product(const Array& a, const Array& b, double alpha);
Array combine(Array a, Array b, const Array& c, double alpha, double beta);

// alpha * a @ b in the layout that suits the gradient of `like`.
Array product_like(const Array& like, const Array& a, const Array& b,
                   double alpha) {
  if (!is_transposed(like)) return product(a, b, alpha);
  return transposed(product(transposed(b), transposed(a), alpha));
}

// alpha * a @ b + beta * c of matrices with equal batch dimensions; c is there
// if beta is not 0.
class Matmul final : public Op {
 public:
  Matmul(double alpha, double beta) : alpha_(alpha), beta_(beta) {}
  const char* name() const override { return beta_ == 0 ? "matmul" : "addmm"; }
  std::optional<Saved> saved() const override {
    return Saved{"matmul", {alpha_, beta_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    if (beta_ != 0) backend.copy(in[2], out[0]);
    backend.matmul(in[0], in[1], out[0], alpha_, beta_);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    const Array& dy = cotangents[0];
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(
          i == 0       ? product_like(in[0], dy, transposed(in[1]), alpha_)
          : i == 1     ? product_like(in[1], transposed(in[0]), dy, alpha_)
          : beta_ == 1 ? dy
                       : dy * Array::scalar(beta_, dy.dtype()));
    }
    return gradients;
  }

  // Operands without the axis are broadcast, but for one matrix on the right:
  // the batch is then one tall matrix.
  Arrays vmap(const Batch& batch) const override {
    Array c = beta_ == 0 ? Array() : batch.along(2);
    bool along = c || batch.in[1].ndim() == 2;
    Array a = along ? batch.along(0) : batch.in[0];
    return {combine(std::move(a), batch.in[1], c, alpha_, beta_)};
  }

 private:
  double alpha_, beta_;
};

Array make_matmul(double alpha, double beta, Shape shape, Inputs inputs) {
  static const auto plain = std::make_shared<Matmul>(1, 0);
  auto op =
      alpha == 1 && beta == 0 ? plain : std::make_shared<Matmul>(alpha, beta);
  Dtype dtype = inputs[0].dtype();
  return make_array(std::move(op), std::move(shape), dtype, std::move(inputs));
}

Array product(const Array& a, const Array& b, double alpha) {
  Shape shape = a.shape();
  shape.back() = b.shape().back();
  return make_matmul(alpha, 0, std::move(shape), {a, b});
}

// alpha * a @ b + beta * c for operands of one type with at least two
// dimensions; c, if any, has the elements of the result in order.
Array combine(Array a, Array b, const Array& c, double alpha, double beta) {
  int64_t m = a.shape(a.ndim() - 2), k = a.shape().back();
  int64_t n = b.shape().back();
  Shape batch = broadcast_shapes(batch_of(a), batch_of(b), "matmul");
  Shape shape = with_matrix(batch, m, n);
  bool flat = a.ndim() > 2 && b.ndim() == 2;
  if (flat) {  // one tall matrix: one product, and no batch sum in its gradient
    a = flatten(a, 0, -2);
  } else {
    a = broadcast_to(a, with_matrix(batch, m, k));
    b = broadcast_to(b, with_matrix(batch, k, n));
  }
  Shape inner = flat ? Shape{a.shape(0), n} : shape;
  Inputs inputs = {a, b};
  if (c) inputs.push_back(reshape(c, inner));
  return reshape(make_matmul(alpha, beta, std::move(inner), std::move(inputs)),
                 std::move(shape));
}

struct Operands {
  Array a, b;
  Shape shape;  // of the result
};

// One-dimensional operands as matrices; `shape` without the added dimensions.
Operands as_matrices(const Array& a, const Array& b, Dtype dtype) {
  Operands x = {astype(a, dtype), astype(b, dtype), {}};
  if (a.ndim() == 1) x.a = reshape(x.a, {1, a.shape(0)});
  if (b.ndim() == 1) x.b = reshape(x.b, {b.shape(0), 1});
  x.shape = broadcast_shapes(batch_of(x.a), batch_of(x.b), "matmul");
  if (a.ndim() > 1) x.shape.push_back(a.shape(a.ndim() - 2));
  if (b.ndim() > 1) x.shape.push_back(b.shape().back());
  return x;
}

}  // namespace

Array matmul(const Array& a, const Array& b) {
  Dtype dtype = promote(a.dtype(), b.dtype());
  require(dtype != Dtype::bool_, "matmul: a and b must be number arrays, got ",
          "bool and bool");
  check_inner(a, b, "matmul");
  Operands x = as_matrices(a, b, dtype);
  if (!is_inexact(dtype)) {
    return reshape(astype(contract(x.a, x.b), dtype), std::move(x.shape));
  }
  Array y = is_complex(dtype) ? matmul_complex(x.a, x.b)
                              : combine(x.a, x.b, Array(), 1, 0);
  return reshape(y, std::move(x.shape));
}

Array addmm(const Array& c, const Array& a, const Array& b, double alpha,
            double beta) {
  Dtype dtype = promote(promote(a.dtype(), b.dtype()), c.dtype());
  check_factors(a, b, dtype, "addmm");
  Operands x = as_matrices(a, b, dtype);
  bool fits = c.ndim() <= x.shape.size() &&
              broadcast_shapes(c.shape(), x.shape, "addmm") == x.shape;
  require(fits, "addmm: c must broadcast to the shape of a @ b, got shapes ",
          c.shape(), " and ", x.shape);
  if (is_complex(dtype)) {
    Array y = matmul(a, b) * Array::scalar(alpha, dtype);
    return beta == 0 ? y : y + astype(c, dtype) * Array::scalar(beta, dtype);
  }
  Array start;
  if (beta != 0) start = broadcast_to(astype(c, dtype), x.shape);
  return reshape(combine(x.a, x.b, start, alpha, beta), std::move(x.shape));
}

}  // namespace ingot
