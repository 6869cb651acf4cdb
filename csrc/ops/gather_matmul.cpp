// Products of matrices that indices pair. One operation is its own derivative:
// what was a result becomes a factor, and the indices change their places.
// SPDX-License-Identifier: MIT
#include <numeric>

#include "csrc/backend.h"
#include "csrc/ops/examples.h"
#include "csrc/ops/index.h"
#include "csrc/ops/matmul.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

constexpr const char* kName = "gather_mm";

// Inputs: a (x, m, k), b (y, k, n), and three vectors of indices: of a, of b and
// of the results (z, m, n), where products that meet are added.
class GatherMatmul final : public Op {
 public:
  explicit GatherMatmul(int64_t results) : results_(results) {}
  const char* name() const override { return kName; }
  std::optional<Saved> saved() const override {
    return Saved{"gather_matmul", {}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.gather_matmul(kName, in, out[0]);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    const Array &a = in[0], &b = in[1], &dy = cotangents[0];
    Arrays gradients;
    for (int i : wanted) {
      gradients.push_back(
          i == 0
              ? make({dy, swapaxes(b, -1, -2), in[4], in[3], in[2]}, a.shape(0))
          : i == 1
              ? make({swapaxes(a, -1, -2), dy, in[2], in[4], in[3]}, b.shape(0))
              : Array());
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    Inputs inputs;
    for (int64_t i = 0; i < 2; ++i) {
      const Array& x = batch.in[i];
      inputs.push_back(batch.has_axis[i] ? flatten(x, 0, 1) : x);
    }
    for (int64_t i = 0; i < 2; ++i) {
      inputs.push_back(
          batch.has_axis[i]
              ? behind_one_another(batch, i + 2, batch.in[i].shape(1))
              : flatten(batch.along(i + 2)));
    }
    inputs.push_back(behind_one_another(batch, 4, results_));
    Array y = make(std::move(inputs), batch.size * results_);
    return {unflatten(y, 0, {batch.size, results_})};
  }

  static Array make(Inputs in, int64_t results) {
    Shape shape = {results, in[0].shape(1), in[1].shape(2)};
    Dtype dtype = in[0].dtype();
    return make_array(std::make_shared<GatherMatmul>(results), std::move(shape),
                      dtype, std::move(in));
  }

 private:
  int64_t results_;
};

// The number of each matrix of x, in the shape of its batch.
Array all_of(const Array& x) {
  Shape batch = batch_of(x);
  int64_t count = size_of(batch, Dtype::int64, kName);
  return reshape(arange(0, static_cast<double>(count), 1, Dtype::int64), batch);
}

// x with all but the last two axes in one.
Array in_a_row(const Array& x) {
  int64_t count = size_of(batch_of(x), x.dtype(), kName);
  return reshape(x, {count, x.shape(x.ndim() - 2), x.shape().back()});
}

}  // namespace

Array gathered_products(const Arrays& in, int64_t results) {
  const Array &a = in.at(0), &b = in.at(1);
  check_factors(a, b, a.dtype(), kName);
  require(a.ndim() == 3 && b.ndim() == 3 && a.dtype() == b.dtype(), kName,
          ": operands must have three dimensions and one dtype, got ",
          a.shape(), " of ", a.dtype(), " and ", b.shape(), " of ", b.dtype());
  for (size_t i = 2; i < in.size(); ++i) {
    require_integers(in[i], kName);
    require(in[i].ndim() == 1 && in[i].shape() == in[2].shape(), kName,
            ": indices must be vectors of one length, got shape ",
            in[i].shape());
  }
  return GatherMatmul::make(Inputs(in.begin(), in.end()), results);
}

Array gather_mm(const Array& a, const Array& b, const Array& lhs_indices,
                const Array& rhs_indices) {
  Dtype dtype = promote(a.dtype(), b.dtype());
  check_factors(a, b, dtype, kName);
  if (!lhs_indices && !rhs_indices) return matmul(a, b);
  Array x = a.ndim() == 1 ? expand_dims(a, {0}) : a;
  Array y = b.ndim() == 1 ? expand_dims(b, {1}) : b;
  Array left = lhs_indices ? lhs_indices : all_of(x);
  Array right = rhs_indices ? rhs_indices : all_of(y);
  require_integers(left, kName);
  require_integers(right, kName);
  Shape places = broadcast_shapes(left.shape(), right.shape(), kName);
  int64_t count = size_of(places, Dtype::int64, kName);
  Array to = arange(0, static_cast<double>(count), 1, Dtype::int64);
  Inputs inputs = {in_a_row(astype(x, dtype)), in_a_row(astype(y, dtype)),
                   flatten(broadcast_to(left, places)),
                   flatten(broadcast_to(right, places)), to};
  Array products = GatherMatmul::make(std::move(inputs), count);
  Shape shape = places;
  if (a.ndim() > 1) shape.push_back(products.shape(1));
  if (b.ndim() > 1) shape.push_back(products.shape(2));
  return reshape(products, std::move(shape));
}

}  // namespace ingot
