// Products with quantized matrices: shapes, types and derivatives.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "csrc/backend.h"
#include "csrc/ops/examples.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/quantize.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// One operand of three axes and one of words, scales and, if affine, biases; of
// all matrices in order, or of those that two vectors of indices name.
struct Form {
  Quantization how;
  bool transposed;
  bool indexed;

  bool affine() const { return how.mode == Quantization::affine; }
  int lhs() const { return affine() ? 4 : 3; }
  int rhs() const { return lhs() + 1; }
};

Array product(const Form& form, Inputs in);

// The same of ordinary operations.
Array composed(const Form& form, const Inputs& in) {
  Quantized w = {in[1], in[2], form.affine() ? in[3] : Array()};
  Array x = in[0], matrix = dequantize(w, form.how, x.dtype());
  if (form.indexed) {
    x = take(x, in[form.lhs()], 0);
    matrix = take(matrix, in[form.rhs()], 0);
  }
  return matmul(x, form.transposed ? swapaxes(matrix, -1, -2) : matrix);
}

Array counted(int64_t n) {
  return arange(0, static_cast<double>(n), 1, Dtype::uint32);
}

class QuantizedMatmul final : public Op {
 public:
  explicit QuantizedMatmul(const Form& form) : form_(form) {}
  const char* name() const override {
    return form_.indexed ? "gather_qmm" : "quantized_matmul";
  }
  std::optional<Saved> saved() const override {
    const Quantization& how = form_.how;
    return Saved{
        "quantized_matmul",
        {how.mode, how.bits, how.group, form_.transposed, form_.indexed}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    QuantizedProduct what{form_.how, form_.transposed};
    if (form_.indexed) {
      what.lhs = &in[form_.lhs()];
      what.rhs = &in[form_.rhs()];
    }
    backend.quantized_matmul(what, in[0], matrix_of(in, 1, form_.how), out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    std::vector<int> others;
    for (int i : wanted) {
      require(i != 1, name(), ": w must not be differentiated by, got words ",
              "of codes");
      if (i != 0) others.push_back(i);
    }
    Arrays rest;
    if (!others.empty()) {
      auto same = [&](const Inputs& x) { return Arrays{composed(form_, x)}; };
      rest = vjp_through(same, in, cotangents, others);
    }
    if (others.size() < wanted.size()) {  // that of x comes first
      rest.insert(rest.begin(), x_gradient(in, cotangents[0]));
    }
    return rest;
  }

  // Examples stand side by side as matrices do, or below each other where they
  // share the only one.
  Arrays vmap(const Batch& batch) const override {
    if (form_.indexed) return {gathered_of(batch)};
    const std::vector<bool>& has_axis = batch.has_axis;
    bool shared = std::count(has_axis.begin() + 1, has_axis.end(), true) == 0;
    Shape shape = batch.shape();
    Inputs in = batch.in;
    if (shared && in[1].shape(0) == 1) {
      in[0] = reshape(in[0], {1, shape[0] * shape[2], in[0].shape(3)});
    } else {
      for (int64_t i = 0; i < in.size(); ++i) {
        in[i] = flatten(batch.along(i), 0, 1);
      }
    }
    return {reshape(product(form_, std::move(in)), std::move(shape))};
  }

 private:
  // Operands that all examples share stay as they are, and so do their indices.
  Array gathered_of(const Batch& batch) const {
    auto mapped = [&](int from, int to) {
      return std::count(batch.has_axis.begin() + from,
                        batch.has_axis.begin() + to, true) > 0;
    };
    bool left = mapped(0, 1), right = mapped(1, form_.lhs());
    Inputs in;
    for (int i = 0; i < form_.lhs(); ++i) {
      bool own = i == 0 ? left : right;
      in.push_back(own ? flatten(batch.along(i), 0, 1) : batch.in[i]);
    }
    for (int i : {form_.lhs(), form_.rhs()}) {
      bool own = i == form_.lhs() ? left : right;
      int64_t each = in[i == form_.lhs() ? 0 : 1].shape(0) / batch.size;
      in.push_back(own ? behind_one_another(batch, i, each)
                       : flatten(batch.along(i)));
    }
    return reshape(product(form_, std::move(in)), batch.shape());
  }

  // Where a matrix was taken several times, its gradients add up.
  Array x_gradient(const Inputs& in, const Array& cotangent) const {
    Form back = form_;
    back.transposed = !form_.transposed;
    Inputs inputs = in;
    inputs[0] = cotangent;
    if (form_.indexed) inputs[form_.lhs()] = counted(cotangent.shape(0));
    Array gradient = product(back, std::move(inputs));
    if (!form_.indexed) return gradient;
    return scatter(ScatterOp::add, zeros_like(in[0]), {in[form_.lhs()]},
                   expand_dims(gradient, {1}), {0}, "gather_qmm");
  }

  Form form_;
};

Array product(const Form& form, Inputs in) {
  int64_t columns = in[2].shape().back() * form.how.group;
  int64_t count = form.indexed ? in[form.lhs()].shape(0) : in[0].shape(0);
  Shape shape = {count, in[0].shape(1),
                 form.transposed ? in[1].shape(1) : columns};
  Dtype dtype = in[0].dtype();
  return make_array(std::make_shared<QuantizedMatmul>(form), std::move(shape),
                    dtype, std::move(in));
}

Shape batch_of(const Shape& shape) {
  return Shape(shape.begin(), shape.end() - 2);
}

int64_t count_of(const Shape& shape) {
  int64_t n = 1;
  for (int64_t size : shape) n *= size;
  return n;
}

Array as_matrices(const Array& x) {
  int64_t rows = x.ndim() - 2;
  return reshape(
      x, {count_of(batch_of(x.shape())), x.shape(rows), x.shape(rows + 1)});
}

// The numbers of all matrices, in the shape that they lie in.
Array numbers(const Shape& batch) {
  return reshape(counted(count_of(batch)), batch);
}

// The operands of a product, but for indices.
Inputs inputs_of(const Array& x, const Quantized& w) {
  Inputs in = {as_matrices(x), as_matrices(w.words), as_matrices(w.scales)};
  if (w.biases) in.push_back(as_matrices(w.biases));
  return in;
}

// Operands of one type.
struct Operands {
  Array x;
  Quantized w;
};

Operands converted(const char* name, const Array& x, const Quantized& w,
                   bool transpose, const Quantization& how) {
  int64_t columns = columns_of(name, w, how);
  int64_t rows = w.words.shape(w.words.ndim() - 2);
  require(x.ndim() > 0 && x.shape().back() == (transpose ? columns : rows),
          name, ": last dimension of x must be ", transpose ? columns : rows,
          ", for w of ", rows, " rows and ", columns, " columns",
          transpose ? " transposed" : "", ", got shape ", x.shape());
  Dtype dtype = floating(x.dtype());
  if (!w.biases) return {astype(x, dtype), w};
  dtype = promote(dtype, promote(w.scales.dtype(), w.biases.dtype()));
  return {astype(x, dtype),
          {w.words, astype(w.scales, dtype), astype(w.biases, dtype)}};
}

// The product of matrices whose numbers lie in lhs and rhs.
Array gathered(const Operands& operands, const Array& lhs, const Array& rhs,
               bool transpose, const Quantization& how) {
  Shape shape = broadcast_shapes(lhs.shape(), rhs.shape(), "gather_qmm");
  Inputs in = inputs_of(operands.x, operands.w);
  in.push_back(flatten(broadcast_to(lhs, shape)));
  in.push_back(flatten(broadcast_to(rhs, shape)));
  Array y = product({how, transpose, true}, std::move(in));
  shape.push_back(y.shape(1));
  shape.push_back(y.shape(2));
  return reshape(y, std::move(shape));
}

}  // namespace

Array quantized_matmul(const Array& x, const Quantized& w, bool transpose,
                       const Quantization& how) {
  auto [a, b] = converted("quantized_matmul", x, w, transpose, how);
  Shape batch = batch_of(b.words.shape()), shape = a.shape();
  if (batch.empty()) {  // one tall matrix
    int64_t last = a.shape().back();
    shape.back() = 1;
    a = reshape(a, {count_of(shape), last});
  } else if (a.ndim() == 1) {
    a = reshape(a, {1, a.shape(0)});
  }
  Array y;
  if (batch_of(a.shape()) == batch) {
    y = product({how, transpose, false}, inputs_of(a, b));
    shape.back() = y.shape(2);
    if (batch.empty()) return reshape(y, std::move(shape));
    batch.push_back(y.shape(1));
    batch.push_back(y.shape(2));
    y = reshape(y, std::move(batch));
  } else {
    Shape left = batch_of(a.shape());
    broadcast_shapes(left, batch, "quantized_matmul");
    y = gathered({a, b}, numbers(left), numbers(batch), transpose, how);
  }
  return x.ndim() == 1 ? squeeze(y, Shape{-2}) : y;
}

Array quantized_product(const Quantization& how, bool transposed,
                        const Array& x, const Quantized& w,
                        const Arrays& indices) {
  constexpr const char* name = "quantized_matmul";
  int64_t columns = columns_of(name, w, how);
  require(x.ndim() == 3 && w.words.ndim() == 3, name,
          ": operands must have three dimensions, got ", x.ndim(), " and ",
          w.words.ndim());
  require(x.shape(2) == (transposed ? columns : w.words.shape(1)), name,
          ": operands must fit, got shapes ", x.shape(), " and ",
          w.words.shape());
  bool one_type =
      is_floating(x.dtype()) && (!w.biases || (x.dtype() == w.scales.dtype() &&
                                               x.dtype() == w.biases.dtype()));
  require(one_type, name, ": x must have the dtype of scales and biases, got ",
          x.dtype());
  Inputs in = {x, w.words, w.scales};
  if (w.biases) in.push_back(w.biases);
  for (const Array& i : indices) {
    require(is_integer(i.dtype()) && i.ndim() == 1 &&
                i.shape() == indices[0].shape(),
            name, ": indices must be vectors of integers, got shape ",
            i.shape(), " of ", i.dtype());
    in.push_back(i);
  }
  require(!indices.empty() || x.shape(0) == w.words.shape(0), name,
          ": there must be as many matrices, got ", x.shape(0), " and ",
          w.words.shape(0));
  return product({how, transposed, !indices.empty()}, std::move(in));
}

Array gather_qmm(const Array& x, const Quantized& w, const Array& lhs,
                 const Array& rhs, bool transpose, const Quantization& how,
                 const Array& global_scale) {
  require(x.ndim() >= 2,
          "gather_qmm: x must have at least two dimensions, got shape ",
          x.shape());
  auto check = [](const Array& indices) {
    require<TypeError>(!indices || is_integer(indices.dtype()),
                       "gather_qmm: indices must be integers, got ",
                       indices ? indices.dtype() : Dtype::bool_);
  };
  check(lhs);
  check(rhs);
  Operands operands = converted("gather_qmm", x, w, transpose, how);
  Array y =
      gathered(operands, lhs ? lhs : numbers(batch_of(x.shape())),
               rhs ? rhs : numbers(batch_of(w.words.shape())), transpose, how);
  if (!global_scale) return y;
  return astype(y * nvfp4_factor("gather_qmm", how, global_scale), y.dtype());
}

}  // namespace ingot
