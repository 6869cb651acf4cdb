// Elementwise families: types, broadcasting and derivatives of every line of
// ops.def, and select and cast beside them.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numbers>

#include "csrc/backend.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"

namespace ingot {
namespace {

enum class UnaryKind { floating, numeric, rounding, test, integer, logical };
enum class BinaryKind { arithmetic, floating, compare, logical, integer };

struct UnaryInfo {
  const char* name;
  UnaryKind kind;
};
struct BinaryInfo {
  const char* name;
  BinaryKind kind;
};

constexpr UnaryInfo kUnary[] = {
#define UNARY(name, Functor, kind, doc) {#name, UnaryKind::kind},
#include "csrc/ops.def"
};
constexpr BinaryInfo kBinary[] = {
#define BINARY(name, Functor, kind, doc) {#name, BinaryKind::kind},
#include "csrc/ops.def"
};

// Those of complex.def.
constexpr UnaryOp kComplexUnary[] = {
#define COMPLEX_UNARY(Functor) UnaryOp::Functor,
#include "csrc/ops/complex.def"
};
constexpr BinaryOp kComplexBinary[] = {
#define COMPLEX_BINARY(Functor) BinaryOp::Functor,
#include "csrc/ops/complex.def"
};

template <class Ops, class Op>
bool contains(const Ops& ops, Op op) {
  return std::find(std::begin(ops), std::end(ops), op) != std::end(ops);
}

const UnaryInfo& info(UnaryOp op) { return kUnary[static_cast<int>(op)]; }
const BinaryInfo& info(BinaryOp op) { return kBinary[static_cast<int>(op)]; }

// The number as a scalar of the type of a result.
auto constant_like(const Array& y) {
  return
      [dtype = y.dtype()](double value) { return Array::scalar(value, dtype); };
}

// With s = sigmoid(v): s (1 - s) (2 v' + x (v'' + (1 - 2 s) v'^2)).
Array curvature(const Array& x, const Array& v, const Array& dv,
                const Array& ddv) {
  auto c = constant_like(x);
  Array s = sigmoid(v);
  Array bend = ddv + (c(1) - c(2) * s) * square(dv);
  return s * (c(1) - s) * (c(2) * dv + x * bend);
}

Array slope_of_silu_slope(const Array& x) {
  auto c = constant_like(x);
  return curvature(x, x, c(1), c(0));
}

Array slope_of_gelu_approx_slope(const Array& x) {
  auto c = constant_like(x);
  double k = 2 * std::numbers::sqrt2 * std::numbers::inv_sqrtpi;
  Array z = square(x);
  return curvature(x, x * (c(k) + c(0.044715 * k) * z),
                   c(k) + c(3 * 0.044715 * k) * z, c(6 * 0.044715 * k) * x);
}

// dy/dx; an empty Array stands for zero.
Array derivative(UnaryOp op, [[maybe_unused]] const Array& x, const Array& y) {
  [[maybe_unused]] auto c = constant_like(y);
  switch (op) {
#define UNARY_DERIVATIVE(Functor, dx) \
  case UnaryOp::Functor:              \
    return dx;
#define BINARY_DERIVATIVE(Functor, da, db)
#include "csrc/ops/derivatives.def"
    default:
      return Array();
  }
}

Array derivative(BinaryOp op, int by, const Array& a, const Array& b,
                 const Array& y) {
  auto c = constant_like(y);
  switch (op) {
#define UNARY_DERIVATIVE(Functor, dx)
#define BINARY_DERIVATIVE(Functor, da, db) \
  case BinaryOp::Functor:                  \
    return by == 0 ? da : db;
#include "csrc/ops/derivatives.def"
    default:
      return Array();
  }
}

// x in the layout of the result that it broadcasts to.
Array broadcast_view(const Array& x, const Array& out) {
  if (x.shape() == out.shape()) return x;
  return Array::view(x, out.shape(), broadcast_strides(x, out.shape()));
}

class Unary final : public Op {
 public:
  explicit Unary(UnaryOp op) : op_(op) {}
  const char* name() const override { return info(op_).name; }
  bool takes_complex() const override { return contains(kComplexUnary, op_); }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  std::optional<Elementwise> elementwise() const override {
    return Elementwise{.family = Elementwise::Family::unary, .unary = op_};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate_or_donate(in, out[0]);
    backend.unary(op_, in[0], out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Array partial = derivative(op_, in[0], out[0]);
    return {partial ? cotangents[0] * conj(partial) : zeros_like(in[0])};
  }

 private:
  UnaryOp op_;
};

class Binary final : public Op {
 public:
  explicit Binary(BinaryOp op) : op_(op) {}
  const char* name() const override { return info(op_).name; }
  bool takes_complex() const override { return contains(kComplexBinary, op_); }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  std::optional<Elementwise> elementwise() const override {
    return Elementwise{.family = Elementwise::Family::binary, .binary = op_};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate_or_donate(in, out[0]);
    backend.binary(op_, broadcast_view(in[0], out[0]),
                   broadcast_view(in[1], out[0]), out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    for (int i : wanted) {
      Array partial = derivative(op_, i, in[0], in[1], out[0]);
      if (partial) partial = cotangents[0] * conj(partial);
      gradients.push_back(partial ? sum_to(partial, in[i].shape())
                                  : zeros_like(in[i]));
    }
    return gradients;
  }

 private:
  BinaryOp op_;
};

class Select final : public UntypedOp {
 public:
  const char* name() const override { return "where"; }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  std::optional<Elementwise> elementwise() const override {
    return Elementwise{.family = Elementwise::Family::select};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate_or_donate(in, out[0]);
    backend.select(broadcast_view(in[0], out[0]), broadcast_view(in[1], out[0]),
                   broadcast_view(in[2], out[0]), out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Arrays gradients;
    Array zero = Array::scalar(0.0, out[0].dtype());
    for (int i : wanted) {
      Array part = i == 0   ? zeros(out[0].shape(), Dtype::bool_)
                   : i == 1 ? where(in[0], cotangents[0], zero)
                            : where(in[0], zero, cotangents[0]);
      gradients.push_back(sum_to(part, in[i].shape()));
    }
    return gradients;
  }
};

class Cast final : public UntypedOp {
 public:
  const char* name() const override { return "astype"; }
  std::optional<Saved> saved() const override { return Saved{name(), {}}; }

  std::optional<Elementwise> elementwise() const override {
    return Elementwise{.family = Elementwise::Family::cast};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    allocate_or_donate(in, out[0]);
    backend.copy(in[0], out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {converted(cotangents[0], in[0].dtype())};
  }
};

// Ops have no state but their kind: all nodes share one of each.
std::shared_ptr<const Op> shared(UnaryOp op) {
  static const auto ops = [] {
    std::vector<std::shared_ptr<const Op>> ops;
    for (int i = 0; i < kUnaryOps; ++i) {
      ops.push_back(std::make_shared<Unary>(static_cast<UnaryOp>(i)));
    }
    return ops;
  }();
  return ops[static_cast<int>(op)];
}

std::shared_ptr<const Op> shared(BinaryOp op) {
  static const auto ops = [] {
    std::vector<std::shared_ptr<const Op>> ops;
    for (int i = 0; i < kBinaryOps; ++i) {
      ops.push_back(std::make_shared<Binary>(static_cast<BinaryOp>(i)));
    }
    return ops;
  }();
  return ops[static_cast<int>(op)];
}

// x / |x|, 0 at 0.
Array direction(const Array& x) {
  Array size = abs(x);
  Array zero = zeros_like(size), one = ones_like(size);
  return x / where(equal(size, zero), one, size);
}

Array unary(UnaryOp op, const Array& x) {
  Dtype in = x.dtype(), out = in;
  switch (info(op).kind) {
    case UnaryKind::floating:
      in = out = floating(in);
      break;
    case UnaryKind::numeric:
      require<TypeError>(op != UnaryOp::Negative || in != Dtype::bool_,
                         "negative: x must be a number array, got bool; use ",
                         "logical_not");
      if (op == UnaryOp::Sign && is_complex(in)) return direction(x);
      if (op == UnaryOp::Abs) out = real_type(in);
      break;
    case UnaryKind::rounding:
      if (!is_inexact(in)) return x;
      if (op == UnaryOp::Round && is_complex(in)) {
        return from_pairs(round(as_pairs(x)));
      }
      break;
    case UnaryKind::test:
      in = floating(in);
      out = Dtype::bool_;
      break;
    case UnaryKind::integer:
      require<TypeError>(!is_floating(in), info(op).name,
                         ": x must be an integer or bool array, got ", in);
      break;
    case UnaryKind::logical:
      in = out = Dtype::bool_;
      break;
  }
  return make_array(shared(op), x.shape(), out, {astype(x, in)});
}

Array binary(BinaryOp op, const Array& a, const Array& b) {
  Dtype in = promote(a.dtype(), b.dtype()), out = in;
  switch (info(op).kind) {
    case BinaryKind::arithmetic:
      break;
    case BinaryKind::floating:
      in = out = floating(in);
      break;
    case BinaryKind::compare:
      out = Dtype::bool_;
      break;
    case BinaryKind::logical:
      in = out = Dtype::bool_;
      break;
    case BinaryKind::integer:
      require<TypeError>(!is_floating(in), info(op).name,
                         ": a and b must be integer or bool arrays, got ",
                         a.dtype(), " and ", b.dtype());
      break;
  }
  Shape shape = broadcast_shapes(a.shape(), b.shape(), info(op).name);
  return make_array(shared(op), std::move(shape), out,
                    {astype(a, in), astype(b, in)});
}

}  // namespace

#define UNARY(name, Functor, kind, doc) \
  Array name(const Array& x) { return unary(UnaryOp::Functor, x); }
#define BINARY(name, Functor, kind, doc)       \
  Array name(const Array& a, const Array& b) { \
    return binary(BinaryOp::Functor, a, b);    \
  }
#include "csrc/ops.def"

Array where(const Array& condition, const Array& a, const Array& b) {
  static const auto op = std::make_shared<Select>();
  Dtype dtype = promote(a.dtype(), b.dtype());
  Shape shape = broadcast_shapes(a.shape(), b.shape(), "where");
  shape = broadcast_shapes(condition.shape(), shape, "where");
  return make_array(
      op, std::move(shape), dtype,
      {astype(condition, Dtype::bool_), astype(a, dtype), astype(b, dtype)});
}

Array astype(const Array& x, Dtype dtype) {
  static const auto op = std::make_shared<Cast>();
  if (x.dtype() == dtype) return x;
  require<TypeError>(!is_complex(x.dtype()) || dtype == Dtype::bool_,
                     "astype: complex64 must not lose its imaginary part to ",
                     dtype, "; use real(), imag() or abs()");
  return make_array(op, x.shape(), dtype, {x});
}

Array converted(const Array& x, Dtype dtype) {
  bool whole = is_complex(dtype) || dtype == Dtype::bool_;
  return astype(whole ? x : real(x), dtype);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* op) {
  if (a == b) return a;
  Shape shape(a.size() >= b.size() ? a : b);
  const Shape& other = a.size() >= b.size() ? b : a;
  int64_t lead = shape.size() - other.size();
  for (int64_t i = 0; i < other.size(); ++i) {
    int64_t& n = shape[lead + i];
    require(n == other[i] || n == 1 || other[i] == 1, op,
            ": shapes must broadcast together, got ", a, " and ", b);
    if (n == 1) n = other[i];
  }
  return shape;
}

Array sum_to(const Array& x, const Shape& shape) {
  if (x.shape() == shape) return x;
  Shape axes;
  int64_t lead = x.ndim() - shape.size();
  for (int64_t i = 0; i < x.ndim(); ++i) {
    if (i < lead || (shape[i - lead] == 1 && x.shape(i) != 1)) {
      axes.push_back(i);
    }
  }
  Array y = axes.empty() ? x : sum(x, axes, true);
  return y.shape() == shape ? y : reshape(y, shape);
}

}  // namespace ingot
