// Eigenvalues of matrices, singular values and what is made of them.
// Derivatives are from Giles 2008, "An extended collection of matrix derivative
// results for forward and reverse mode algorithmic differentiation".
// SPDX-License-Identifier: MIT
#include "csrc/ops/complex.h"
#include "csrc/ops/factorize.h"

namespace ingot {
namespace {

using namespace factorize;

// The matrix of 1 / (x_j - x_i), with a diagonal of 0. Vectors of equal values
// are not determined, nor are their derivatives: infinity here, NaN in what
// follows.
Array inverse_gaps(const Array& x) {
  Array gaps = expand_dims(x, {-2}) - expand_dims(x, {-1});
  Array unit = eye(columns_of(gaps), columns_of(gaps), 0, x.dtype());
  Array diagonal = equal(unit, ones_like(unit)), one = ones_like(gaps);
  return where(diagonal, zeros_like(gaps), one / where(diagonal, one, gaps));
}

// m with its columns, or rows, multiplied by the elements of vectors.
Array scale_columns(const Array& m, const Array& by) {
  return m * expand_dims(by, {-2});
}
Array scale_rows(const Array& by, const Array& m) {
  return m * expand_dims(by, {-1});
}

Array adjoint(const Array& x) { return conj(transposed(x)); }

// Outputs: the values alone, which are real, or these and the vectors.
class Eigen final : public Factorize {
 public:
  Eigen(bool upper, const char* name)
      : Factorize({Factorization::eigen, name, upper}) {}
  bool takes_complex() const override { return true; }

  Spec spec(const Inputs& in, int64_t output) const override {
    if (output == 1) return {in[0].shape(), in[0].dtype()};
    return {with(batch_of(in[0]), {columns_of(in[0])}),
            real_type(in[0].dtype())};
  }

  // v (diag(dw) + gaps * (v' dv)) v', made symmetric, or Hermitian.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Array v = out.size() == 2
                  ? out[1]
                  : make_arrays(std::make_shared<Eigen>(*this), 2, {in[0]})[1];
    Array inner = zeros_like(v);
    if (cotangents[0]) inner = scale_columns(v, cotangents[0]);
    if (out.size() == 2 && cotangents[1]) {
      Array turn = inverse_gaps(out[0]) * matmul(adjoint(v), cotangents[1]);
      inner = inner + matmul(v, turn);
    }
    Array da = matmul(inner, adjoint(v));
    return {(da + adjoint(da)) * Array::scalar(0.5, real_type(da.dtype()))};
  }
};

// The same of any square matrices: both outputs are complex64.
class GeneralEigen final : public Factorize {
 public:
  explicit GeneralEigen(const char* name)
      : Factorize({Factorization::eigen, name}) {}
  bool takes_complex() const override { return true; }

  Spec spec(const Inputs& in, int64_t output) const override {
    if (output == 1) return {in[0].shape(), Dtype::complex64};
    return {with(batch_of(in[0]), {columns_of(in[0])}), Dtype::complex64};
  }
};

// How a square or tall q with orthonormal columns turns, given the gradient of
// its elements: within the first k columns, and out of what these span.
struct Turn {
  Array within;  // (..., k, k)
  Array out;     // (..., rows, k), or empty where there is no outside

  Turn(const Array& q, const Array& dq, const Array& gaps, int64_t k) {
    Array first = part(q, -1, 0, k), dfirst = part(dq, -1, 0, k);
    Array m = matmul(transposed(first), dfirst);
    Array turn = gaps * m;
    within = turn + transposed(turn);
    if (rows_of(q) == k) return;
    out = dfirst - matmul(first, m);
    if (int64_t columns = columns_of(q); columns > k) {
      Array others = part(dq, -1, k, columns);
      out = out -
            matmul(part(q, -1, k, columns), matmul(transposed(others), first));
    }
  }
};

// Outputs: s (..., k), or u (..., m, m), s and v' (..., n, n), or of u and v'
// the first k columns and rows.
class Singular final : public Factorize {
 public:
  Singular(Vectors vectors, const char* name)
      : Factorize({Factorization::singular, name}), vectors_(vectors) {}
  std::optional<Saved> saved() const override {
    return Saved{"singular", {vectors_, what_.name}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    int64_t m = rows_of(in[0]), n = columns_of(in[0]), k = std::min(m, n);
    bool full = vectors_ == Vectors::full;
    Shape shape = batch_of(in[0]);
    if (vectors_ == Vectors::none || output == 1) {
      shape.push_back(k);
    } else {
      shape.push_back(output == 0 ? m : full ? n : k);
      shape.push_back(output == 2 ? n : full ? m : k);
    }
    return {std::move(shape), in[0].dtype()};
  }

  // Columns of u and v beyond the first k may turn into each other: they are
  // taken to move no more than they have to.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    int64_t k = std::min(rows_of(in[0]), columns_of(in[0]));
    if (vectors_ == Vectors::none) {
      auto op = std::make_shared<Singular>(Vectors::thin, what_.name);
      Arrays usv = make_arrays(std::move(op), 3, {in[0]});
      return {matmul(scale_columns(usv[0], cotangents[0]), usv[2])};
    }
    const Array& s = out[1];
    Array u = part(out[0], -1, 0, k), vt = part(out[2], -2, 0, k);
    Array left = zeros_like(u);
    if (cotangents[1]) left = scale_columns(u, cotangents[1]);
    if (!cotangents[0] && !cotangents[2]) return {matmul(left, vt)};
    Array sums = expand_dims(s, {-2}) + expand_dims(s, {-1});
    // Of squares; the diagonal is 0 whatever it is divided by.
    Array gaps = inverse_gaps(s) / (sums + eye(k, k, 0, s.dtype()));
    auto or_zero = [&](int64_t i) {
      return cotangents[i] ? cotangents[i] : zeros_like(out[i]);
    };
    Turn of_u(out[0], or_zero(0), gaps, k);
    Turn of_v(transposed(out[2]), transposed(or_zero(2)), gaps, k);
    Array within = scale_columns(of_u.within, s) + scale_rows(s, of_v.within);
    left = left + matmul(u, within);
    Array values = expand_dims(s, {-2});
    if (of_u.out) left = left + of_u.out / values;
    Array da = matmul(left, vt);
    if (of_v.out) {
      da = da + matmul(u, transposed(of_v.out / values));
    }
    return {da};
  }

 private:
  Vectors vectors_;
};

// Inputs: a, and its pseudoinverse.
class Pseudoinverse final : public Op {
 public:
  const char* name() const override { return "pinv"; }
  std::optional<Saved> saved() const override { return Saved{"pinv", {}}; }
  void eval(Backend&, Inputs& in, Outputs& out) const override {
    out[0].view_of(in[1], in[1].strides());
  }
  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.along());
  }

  // Where the rank stays (Golub and Pereyra 1973).
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    const Array &a = in[0], &p = out[0];
    Array pt = transposed(p), dt = transposed(cotangents[0]);
    Array rows = dt - matmul(a, matmul(p, dt));
    Array columns = dt - matmul(matmul(dt, p), a);
    return {matmul(matmul(rows, p), pt) + matmul(pt, matmul(p, columns)) -
            matmul(pt, matmul(cotangents[0], pt))};
  }
};

}  // namespace

Arrays eigen(const Array& a, bool upper, int64_t outputs, const char* name) {
  check_matrices(a, name, true);
  check_square(a, name);
  return make_arrays(std::make_shared<Eigen>(upper, name), outputs, {a});
}

Arrays general_eigen(const Array& a, int64_t outputs, const char* name) {
  check_matrices(a, name, true);
  check_square(a, name);
  return make_arrays(std::make_shared<GeneralEigen>(name), outputs, {a});
}

Arrays singular(const Array& a, Vectors vectors, const char* name) {
  check_matrices(a, name);
  int64_t m = rows_of(a), n = columns_of(a);
  if (m > 0 && n > 0) {
    return make_arrays(std::make_shared<Singular>(vectors, name),
                       vectors == Vectors::none ? 1 : 3, {a});
  }
  Shape batch = batch_of(a);
  Array s = zeros(with(batch, {0}), a.dtype());
  if (vectors == Vectors::none) return {s};
  if (vectors == Vectors::thin) {
    return {zeros(with(batch, {m, 0}), a.dtype()), s,
            zeros(with(batch, {0, n}), a.dtype())};
  }
  return {identities(batch, m, a.dtype()), s, identities(batch, n, a.dtype())};
}

std::pair<Array, Array> eigh(const Array& a, bool upper) {
  Arrays wv = eigen(a, upper, 2, "eigh");
  return {wv[0], wv[1]};
}

Array eigvalsh(const Array& a, bool upper) {
  return eigen(a, upper, 1, "eigvalsh")[0];
}

std::pair<Array, Array> eig(const Array& a) {
  Arrays wv = general_eigen(a, 2, "eig");
  return {wv[0], wv[1]};
}

Array eigvals(const Array& a) { return general_eigen(a, 1, "eigvals")[0]; }

Arrays svd(const Array& a, bool full) {
  return singular(a, full ? Vectors::full : Vectors::thin, "svd");
}

Array singular_values(const Array& a, const char* name) {
  return singular(a, Vectors::none, name)[0];
}

Array pseudoinverse_of(const Array& a, const Array& p) {
  static const auto op = std::make_shared<Pseudoinverse>();
  check_matrices(a, "pinv");
  Shape shape = with(batch_of(a), {columns_of(a), rows_of(a)});
  require(p.shape() == shape && p.dtype() == a.dtype(), "pinv: the inverse of ",
          "matrices of shape ", a.shape(), " must have shape ", shape,
          " and their dtype, got ", p.shape(), " and ", p.dtype());
  return make_array(op, std::move(shape), a.dtype(), {a, p});
}

Array pinv(const Array& a, const Array& rtol) {
  Arrays usv = singular(stop_gradient(a), Vectors::thin, "pinv");
  int64_t m = rows_of(a), n = columns_of(a);
  Shape shape = with(batch_of(a), {n, m});
  if (m == 0 || n == 0) return zeros(shape, a.dtype());
  const Array& s = usv[1];
  double eps = a.dtype() == Dtype::float32 ? 0x1p-23 : 0x1p-52;
  Array limit = Array::scalar(10.0 * std::max(m, n) * eps, a.dtype());
  if (rtol) limit = expand_dims(astype(rtol, a.dtype()), {-1});
  Array kept = greater(s, max(s, Shape{-1}, true) * limit);
  Array one = ones_like(s);
  Array inverse = where(kept, one / where(kept, s, one), zeros_like(s));
  Array p = matmul(transposed(usv[2]), scale_rows(inverse, transposed(usv[0])));
  return pseudoinverse_of(a, p);
}

}  // namespace ingot
