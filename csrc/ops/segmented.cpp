// Products of matrices in parts: over segments of the inner dimension, and with
// blocks left out.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/ops/index.h"
#include "csrc/ops/matmul.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

Array transposed(const Array& x) { return swapaxes(x, -1, -2); }

// Segments of examples whose inner dimensions, of `length`, lie behind one
// another, (examples * segments, 2); a bound that is out of range stays so.
Array behind_one_another(const Batch& batch, int64_t length) {
  Array bounds = batch.along(2);
  if (bounds.dtype() == Dtype::uint64) {  // of which int64 has but a part
    bounds = minimum(bounds, Array::scalar(length + 1, Dtype::uint64));
  }
  bounds = astype(bounds, Dtype::int64);
  Array zero = Array::scalar(int64_t{0}, Dtype::int64);
  Array most = Array::scalar(length, Dtype::int64);
  Array inside =
      logical_and(greater_equal(bounds, zero), less_equal(bounds, most));
  auto examples = static_cast<double>(batch.size);
  Array first = arange(0, examples, 1, Dtype::int64) * most;
  Array beyond = Array::scalar(batch.size * length + 1, Dtype::int64);
  bounds = bounds + reshape(first, {batch.size, 1, 1});
  return flatten(where(inside, bounds, beyond), 0, 1);
}

// Matrices (examples, m, n) side by side, (m, examples * n), and apart again.
Array side_by_side(const Array& x) { return flatten(swapaxes(x, 0, 1), 1, 2); }
Array apart(const Array& x, int64_t examples, int64_t columns) {
  return swapaxes(unflatten(x, 1, {examples, columns}), 0, 1);
}

// Inputs: a, b and segments, see Backend::segmented_matmul.
class SegmentedMatmul final : public Op {
 public:
  explicit SegmentedMatmul(bool spread) : spread_(spread) {}
  const char* name() const override { return "segmented_mm"; }
  std::optional<Saved> saved() const override {
    return Saved{"segmented_matmul", {spread_}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.segmented_matmul(spread_, in[0], in[1], in[2], out[0]);
  }

  // Each is the derivative of the other.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    const Array &a = in[0], &b = in[1], &dy = cotangents[0];
    Arrays gradients;
    for (int i : wanted) {
      if (i == 2) {
        gradients.push_back(Array());
      } else if (i == 0) {
        gradients.push_back(make(!spread_, dy, transposed(b), in[2]));
      } else {
        Array of_b = spread_ ? make(true, transposed(a), dy, in[2])
                             : transposed(make(true, transposed(dy), a, in[2]));
        gradients.push_back(of_b);
      }
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    int64_t n = batch.size;
    if (!spread_ && !batch.has_axis[1] && !batch.has_axis[2]) {  // one tall a
      Array y =
          make(false, flatten(batch.in[0], 0, 1), batch.in[1], batch.in[2]);
      int64_t rows = batch.in[0].shape(1);
      return {swapaxes(unflatten(y, 1, {n, rows}), 0, 1)};
    }
    Array a = batch.along(0), b = batch.along(1);
    if (spread_) {
      int64_t length = b.shape(2);
      Array segments = behind_one_another(batch, length);
      Array y = make(true, flatten(a, 0, 1), side_by_side(b), segments);
      return {apart(y, n, length)};
    }
    Array segments = behind_one_another(batch, a.shape(2));
    Array y = make(false, side_by_side(a), flatten(b, 0, 1), segments);
    return {unflatten(y, 0, {n, batch.link.specs[0].shape[0]})};
  }

  static Array make(bool spread, const Array& a, const Array& b,
                    const Array& segments) {
    Shape shape = spread ? Shape{a.shape(1), b.shape(1)}
                         : Shape{segments.shape(0), a.shape(0), b.shape(1)};
    return make_array(std::make_shared<SegmentedMatmul>(spread),
                      std::move(shape), a.dtype(), {a, b, segments});
  }

 private:
  bool spread_;
};

// x times its mask, of one element for each block of the last two axes; what a
// boolean one leaves out is 0.
Array masked(const Array& x, const Array& mask, int64_t size,
             const char* name) {
  if (!mask) return x;
  int64_t rows = x.shape(x.ndim() - 2), columns = x.shape().back();
  int64_t down = (rows + size - 1) / size, across = (columns + size - 1) / size;
  Shape batch;
  if (mask.ndim() > 2) batch = batch_of(mask);
  Shape blocks = with_matrix(batch, down, across);
  require(broadcast_shapes(mask.shape(), blocks, "block_masked_mm") == blocks,
          "block_masked_mm: ", name, " must have an element for each of ", down,
          " by ", across, " blocks, got shape ", mask.shape());
  int64_t last = blocks.size() - 1;
  Array each = expand_dims(broadcast_to(mask, blocks), {last, last + 2});
  Shape spread = with_matrix(with_matrix(batch, down, size), across, size);
  each = reshape(broadcast_to(each, spread),
                 with_matrix(batch, down * size, across * size));
  Array whole = slice(each, Shape(last + 1, 0),
                      with_matrix(batch, rows, columns), Shape(last + 1, 1));
  if (mask.dtype() == Dtype::bool_) return keep_where(whole, x);
  return x * astype(whole, x.dtype());
}

}  // namespace

Array segmented_products(bool spread, const Array& a, const Array& b,
                         const Array& segments) {
  bool matrices = segments.ndim() == 2 && segments.shape(1) == 2 &&
                  a.ndim() == (spread ? 3 : 2) && b.ndim() == 2;
  if (spread) matrices = matrices && a.shape(0) == segments.shape(0);
  require(matrices && is_integer(segments.dtype()), "segmented_mm: operands ",
          "and segments must fit, got shapes ", a.shape(), ", ", b.shape(),
          " and ", segments.shape(), " of ", segments.dtype());
  require(a.dtype() == b.dtype(),
          "segmented_mm: operands must have one dtype, ", "got ", a.dtype(),
          " and ", b.dtype());
  check_factors(a, b, a.dtype(), "segmented_mm");
  return SegmentedMatmul::make(spread, a, b, segments);
}

Array segmented_mm(const Array& a, const Array& b, const Array& segments) {
  Dtype dtype = promote(a.dtype(), b.dtype());
  require(a.ndim() == 2 && b.ndim() == 2, "segmented_mm: a and b must have 2 ",
          "dimensions, got shapes ", a.shape(), " and ", b.shape());
  check_factors(a, b, dtype, "segmented_mm");
  require<TypeError>(is_integer(segments.dtype()),
                     "segmented_mm: segments must be integers, got ",
                     segments.dtype());
  require(segments.ndim() > 0 && segments.shape().back() == 2,
          "segmented_mm: segments must have shape (..., 2), got ",
          segments.shape());
  Shape batch(segments.shape().begin(), segments.shape().end() - 1);
  int64_t count = size_of(batch, Dtype::int64, "segmented_mm");
  Array y = SegmentedMatmul::make(false, astype(a, dtype), astype(b, dtype),
                                  reshape(segments, {count, 2}));
  return reshape(y, with_matrix(batch, a.shape(0), b.shape(1)));
}

Array block_masked_mm(const Array& a, const Array& b, int64_t block_size,
                      const Array& mask_out, const Array& mask_lhs,
                      const Array& mask_rhs) {
  require(block_size == 32 || block_size == 64, "block_masked_mm: block_size ",
          "must be 32 or 64, got ", block_size);
  Dtype dtype = promote(a.dtype(), b.dtype());
  check_factors(a, b, dtype, "block_masked_mm");
  Dtype inner = dtype;  // rounded once where masks are numbers
  for (const Array& mask : {mask_out, mask_lhs, mask_rhs}) {
    if (mask && mask.dtype() != Dtype::bool_) inner = compute_type(dtype);
  }
  Array x = a.ndim() == 1 ? expand_dims(a, {0}) : a;
  Array y = b.ndim() == 1 ? expand_dims(b, {1}) : b;
  x = masked(astype(x, inner), mask_lhs, block_size, "mask_lhs");
  y = masked(astype(y, inner), mask_rhs, block_size, "mask_rhs");
  Array product = masked(matmul(x, y), mask_out, block_size, "mask_out");
  product = astype(product, dtype);
  if (a.ndim() == 1) product = squeeze(product, Shape{-2});
  return b.ndim() == 1 ? squeeze(product, Shape{-1}) : product;
}

}  // namespace ingot
