// Inverses, linear systems and determinants, and the factors they rest on. Most
// derivatives are from Giles 2008, "An extended collection of matrix derivative
// results for forward and reverse mode algorithmic differentiation".
// SPDX-License-Identifier: MIT
#include "csrc/ops/factorize.h"

namespace ingot {
namespace {

using namespace factorize;

Array triangle(const Array& x, bool upper) {
  return upper ? triu(x, 0) : tril(x, 0);
}

// The gradient of a where y = a^-1.
Array gradient_of_inverted(const Array& y, const Array& dy) {
  Array t = transposed(y);
  return -matmul(t, matmul(dy, t));
}

class Inverse final : public Factorize {
 public:
  Inverse() : Factorize({Factorization::inverse, "inv"}) {}

  Arrays vjp(const Inputs&, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {gradient_of_inverted(out[0], cotangents[0])};
  }
};

class TriangularInverse final : public Factorize {
 public:
  TriangularInverse(bool upper, const char* name)
      : Factorize({Factorization::triangular_inverse, name, upper}) {}

  Arrays vjp(const Inputs&, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Array dy = triangle(cotangents[0], what_.upper);
    return {triangle(gradient_of_inverted(out[0], dy), what_.upper)};
  }
};

class Cholesky final : public Factorize {
 public:
  explicit Cholesky(bool upper)
      : Factorize({Factorization::cholesky, "cholesky", upper}) {}

  // l^-T phi(l' dl) l^-1, made symmetric, where phi takes the lower triangle
  // and half of the diagonal (Murray 2016, "Differentiation of the Cholesky
  // decomposition").
  Arrays vjp(const Inputs&, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    Array lt = what_.upper ? out[0] : transposed(out[0]);
    Array dl = what_.upper ? transposed(cotangents[0]) : cotangents[0];
    Array half = Array::scalar(0.5, lt.dtype());
    Array m = matmul(lt, dl);
    Array phi = (tril(m, 0) + tril(m, -1)) * half;
    Array s = solve_triangular(lt, transposed(phi), true);
    s = solve_triangular(lt, transposed(s), true);
    return {(s + transposed(s)) * half};
  }
};

// a = l u with rows exchanged. Outputs: l and u in one matrix (..., m, n), the
// exchanges (..., k) and the row of l u that each row of a is (..., m).
class Lu final : public Factorize {
 public:
  explicit Lu(const char* name) : Factorize({Factorization::lu, name}) {}

  Spec spec(const Inputs& in, int64_t output) const override {
    if (output == 0) return {in[0].shape(), in[0].dtype()};
    int64_t m = rows_of(in[0]), k = std::min(m, columns_of(in[0]));
    return {with(batch_of(in[0]), {output == 1 ? k : m}), Dtype::uint32};
  }

  // With x = l^-1 da u^-1 of the leading square: l^-1 dl is what lies below the
  // diagonal of x, du u^-1 the rest; what is right of or below it is a product
  // of one of these with the inverse of the other.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    if (!cotangents[0]) return {zeros_like(in[0])};
    int64_t m = rows_of(in[0]), n = columns_of(in[0]), k = std::min(m, n);
    auto square = [&](const Array& x) {
      return part(part(x, -2, 0, k), -1, 0, k);
    };
    Array f = square(out[0]), df = square(cotangents[0]);
    Array one = eye(k, k, 0, in[0].dtype());
    Array lt = transposed(tril(f, -1) + one), u = triu(f, 0);
    // y u^-T, l^-T y
    auto by_u = [&](const Array& y) {
      return transposed(solve_triangular(u, transposed(y), true));
    };
    auto by_l = [&](const Array& y) { return solve_triangular(lt, y, true); };
    Array below = matmul(lt, tril(df, -1));
    Array above = matmul(triu(df, 0), transposed(u));
    Arrays rest;
    int64_t axis = m > n ? -2 : -1;
    if (m > n) {
      Array dl = part(cotangents[0], axis, k, m);
      rest.push_back(by_u(dl));
      above = above - matmul(transposed(part(out[0], axis, k, m)), dl);
    } else if (n > m) {
      Array du = part(cotangents[0], axis, k, n);
      rest.push_back(by_l(du));
      below = below - matmul(du, transposed(part(out[0], axis, k, n)));
    }
    Array da = by_l(by_u(tril(below, -1) + triu(above, 0)));
    if (!rest.empty()) da = concatenate({da, rest[0]}, axis);
    return {take_along_axis(da, expand_dims(out[2], {-1}), -2)};
  }
};

Arrays factors_of(const Array& a, const char* name) {
  return make_arrays(std::make_shared<Lu>(name), 3, {a});
}

// What LU has made of a, as a file has it.
void check_factors(const Array& a, const Array& factors, const Array& exchanges,
                   const char* name) {
  check_matrices(a, name);
  check_square(a, name);
  require(factors.shape() == a.shape() && factors.dtype() == a.dtype() &&
              exchanges.shape() == with(batch_of(a), {rows_of(a)}) &&
              exchanges.dtype() == Dtype::uint32,
          name, ": factors and exchanged rows must be those of a matrix of ",
          "shape ", a.shape(), ", got shapes ", factors.shape(), " and ",
          exchanges.shape());
}

Array make_solve(Inputs in, bool transposed, const char* name);

// Inputs: a, b (..., n, k), and what LU has made of a. That of a is used for
// the gradients too, which solve with its transpose.
class Solve final : public Factorize {
 public:
  Solve(bool transposed, const char* name)
      : Factorize({Factorization::solve, name, false, transposed}) {}

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    compute(backend, {in[2], in[3], in[1]}, out);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Array db = make_solve({in[0], cotangents[0], in[2], in[3]},
                          !what_.transposed, what_.name);
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(i == 1             ? db
                          : what_.transposed ? -matmul(out[0], transposed(db))
                                             : -matmul(db, transposed(out[0])));
    }
    return gradients;
  }
};

Array make_solve(Inputs in, bool transposed, const char* name) {
  Shape shape = in[1].shape();
  Dtype dtype = in[1].dtype();
  return make_array(std::make_shared<Solve>(transposed, name), std::move(shape),
                    dtype, std::move(in));
}

class TriangularSolve final : public Factorize {
 public:
  explicit TriangularSolve(bool upper)
      : Factorize(
            {Factorization::triangular_solve, "solve_triangular", upper}) {}

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Array db = solve_triangular(transposed(in[0]), cotangents[0], !what_.upper);
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(
          i == 1 ? db : triangle(-matmul(db, transposed(out[0])), what_.upper));
    }
    return gradients;
  }
};

// Inputs: a, and what LU has made of it. One output is the determinant, two are
// its sign and the logarithm of its magnitude.
class Determinant final : public Factorize {
 public:
  explicit Determinant(const char* name)
      : Factorize({Factorization::determinant, name}) {}

  Spec spec(const Inputs& in, int64_t) const override {
    return {batch_of(in[0]), in[0].dtype()};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    compute(backend, {in[1], in[2]}, out);
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>&) const override {
    const Array& dy = cotangents.back();
    if (!dy) return {zeros_like(in[0])};  // that of the sign
    Array one = identities(batch_of(in[0]), columns_of(in[0]), in[0].dtype());
    Array slope = make_solve({in[0], one, in[1], in[2]}, true, what_.name);
    Array by = out.size() == 1 ? dy * out[0] : dy;
    return {slope * expand_dims(by, {-1, -2})};
  }
};

Arrays determinant(const Array& a, int64_t outputs, const char* name) {
  check_square(a, name);
  Dtype dtype = floating(a.dtype());
  Array wide = astype(a, compute_type(dtype));
  Arrays lu = factors_of(stop_gradient(wide), name);
  Arrays results = make_arrays(std::make_shared<Determinant>(name), outputs,
                               {wide, lu[0], lu[1]});
  for (Array& y : results) y = astype(y, dtype);
  return results;
}

// The operands of a system: of one type, with equal batch dimensions; a vector
// b as a matrix of one column.
struct System {
  Array a, b;
  bool vector;
  Shape batch;

  System(const Array& a_, const Array& b_, const char* op)
      : vector(b_.ndim() == 1) {
    Dtype dtype = promote(a_.dtype(), b_.dtype());
    require(dtype == Dtype::float32 || dtype == Dtype::float64, op,
            ": a and b must promote to float32 or float64, got ", a_.dtype(),
            " and ", b_.dtype());
    check_square(a_, op);
    require(b_.ndim() > 0, op, ": b must have at least one dimension, got ",
            "shape ", b_.shape());
    a = astype(a_, dtype);
    b = astype(vector ? expand_dims(b_, {-1}) : b_, dtype);
    require(rows_of(b) == rows_of(a), op, ": b must have ", rows_of(a),
            vector ? " elements" : " rows", ", got shapes ", a_.shape(),
            " and ", b_.shape());
    batch = broadcast_shapes(batch_of(a), batch_of(b), op);
    b = broadcast_to(b, with(batch, {rows_of(b), columns_of(b)}));
  }

  Array of_batch(const Array& x, int64_t inner) const {
    Shape shape = batch;
    for (int64_t i = x.ndim() - inner; i < x.ndim(); ++i) {
      shape.push_back(x.shape(i));
    }
    return broadcast_to(x, shape);
  }
  Array result(const Array& x) const { return vector ? squeeze(x, {-1}) : x; }
};

}  // namespace

Array inv(const Array& a) {
  static const auto op = std::make_shared<Inverse>();
  check_matrices(a, "inv");
  check_square(a, "inv");
  return make_array(op, a.shape(), a.dtype(), {a});
}

Array triangular_inverse(const Array& a, bool upper, const char* name) {
  check_matrices(a, name);
  check_square(a, name);
  return make_array(std::make_shared<TriangularInverse>(upper, name), a.shape(),
                    a.dtype(), {a});
}

Array tri_inv(const Array& a, bool upper) {
  return triangular_inverse(a, upper, "tri_inv");
}

Array cholesky(const Array& a, bool upper) {
  check_matrices(a, "cholesky");
  check_square(a, "cholesky");
  return make_array(std::make_shared<Cholesky>(upper), a.shape(), a.dtype(),
                    {a});
}

Array cholesky_inv(const Array& a, bool upper) {
  Array t = triangular_inverse(a, upper, "cholesky_inv");
  return upper ? matmul(t, transposed(t)) : matmul(transposed(t), t);
}

Arrays lu(const Array& a) {
  check_matrices(a, "lu");
  Arrays lu = factors_of(a, "lu");
  int64_t m = rows_of(a), k = std::min(m, columns_of(a));
  Array one = eye(m, k, 0, a.dtype());
  return {lu[2], tril(part(lu[0], -1, 0, k), -1) + one,
          triu(part(lu[0], -2, 0, k), 0)};
}

std::pair<Array, Array> lu_factor(const Array& a) {
  check_matrices(a, "lu_factor");
  Arrays lu = factors_of(a, "lu_factor");
  return {lu[0], lu[1]};
}

Arrays lu_factors(const Array& a, const char* name) {
  check_matrices(a, name);
  return factors_of(a, name);
}

Array solve_factored(const Arrays& in, bool transposed, const char* name) {
  const Array &a = in.at(0), &b = in.at(1);
  check_factors(a, in.at(2), in.at(3), name);
  require(b.ndim() >= 2 && batch_of(b) == batch_of(a) &&
              rows_of(b) == rows_of(a) && b.dtype() == a.dtype(),
          name, ": b must have the batch, rows and dtype of a, got shapes ",
          b.shape(), " and ", a.shape());
  return make_solve(Inputs(in.begin(), in.end()), transposed, name);
}

Arrays determinant_factored(const Arrays& in, int64_t outputs,
                            const char* name) {
  check_factors(in.at(0), in.at(1), in.at(2), name);
  return make_arrays(std::make_shared<Determinant>(name), outputs,
                     Inputs(in.begin(), in.end()));
}

Array solve(const Array& a, const Array& b) {
  System it(a, b, "solve");
  Arrays lu = factors_of(stop_gradient(it.a), "solve");
  return it.result(make_solve({it.of_batch(it.a, 2), it.b,
                               it.of_batch(lu[0], 2), it.of_batch(lu[1], 1)},
                              false, "solve"));
}

Array solve_triangular(const Array& a, const Array& b, bool upper) {
  System it(a, b, "solve_triangular");
  return it.result(make_array(std::make_shared<TriangularSolve>(upper),
                              it.b.shape(), it.b.dtype(),
                              {it.of_batch(it.a, 2), it.b}));
}

Array det(const Array& a) { return determinant(a, 1, "det")[0]; }

std::pair<Array, Array> slogdet(const Array& a) {
  Arrays results = determinant(a, 2, "slogdet");
  return {results[0], results[1]};
}

}  // namespace ingot
