// Draws of vectors whose elements depend on each other.
// SPDX-License-Identifier: MIT
#include "csrc/ops/operators.h"
#include "csrc/ops/random.h"

namespace ingot::random {
namespace {

constexpr auto kName = "multivariate_normal";

// The leading dimensions, without the last `n`.
Shape batch_of(const Array& x, int64_t n) {
  return Shape(x.shape().begin(), x.shape().end() - n);
}

void check(const Array& mean, const Array& covariance, Dtype dtype) {
  require(is_floating(dtype), kName, ": dtype must be a floating type, got ",
          dtype);
  require(mean.ndim() >= 1, kName, ": mean must have at least 1 dimension, ",
          "got shape ", mean.shape());
  int64_t ndim = covariance.ndim();
  require(ndim >= 2 && covariance.shape(ndim - 1) == covariance.shape(ndim - 2),
          kName, ": cov must be of square matrices, got shape ",
          covariance.shape());
  require(mean.shape(mean.ndim() - 1) == covariance.shape(ndim - 1), kName,
          ": mean and cov must have one length, got shapes ", mean.shape(),
          " and ", covariance.shape());
}

// The symmetric square root u sqrt(s) v' of a = u s v', which does not depend on
// the signs of singular vectors.
Array root(const Array& a) {
  Arrays usv = svd(a);
  return matmul(usv[0] * expand_dims(sqrt(usv[1]), {-2}), usv[2]);
}

}  // namespace

Array multivariate_normal(const Array& mean, const Array& covariance,
                          const Shape& shape, Dtype dtype, const Array& key) {
  check(mean, covariance, dtype);
  int64_t n = mean.shape(mean.ndim() - 1);
  Shape batch =
      broadcast_shapes(batch_of(mean, 1), batch_of(covariance, 2), kName);
  batch = broadcast_shapes(batch, shape, kName);
  batch.push_back(n);
  Dtype type = dtype == Dtype::float64 ? dtype : Dtype::float32;
  Array deviates = normal(0.0, 1.0, batch, type, key);
  Array turned =
      matmul(expand_dims(deviates, {-2}), root(astype(covariance, type)));
  return astype(squeeze(turned, {-2}) + astype(mean, type), dtype);
}

}  // namespace ingot::random
