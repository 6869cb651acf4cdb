// Sorting: stable, ascending, NaN last; and searching what is sorted.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/along_last.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Along the last axis.
class Sort final : public Op {
 public:
  const char* name() const override { return "sort"; }
  std::optional<Saved> saved() const override { return Saved{"sort", {}}; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.sort(in[0], out[0]);
  }

  // Element i went to place argsort(argsort(x))[i].
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>&) const override {
    return {take_along_axis(cotangents[0], argsort(argsort(in[0])), -1)};
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

class ArgSort final : public Op {
 public:
  const char* name() const override { return "argsort"; }
  std::optional<Saved> saved() const override { return Saved{"argsort", {}}; }
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.argsort(in[0], out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

// Inputs: a vector and values, or several vectors (n, length) and values (n, ...)
// for each.
class SearchSorted final : public Op {
 public:
  explicit SearchSorted(bool right) : right_(right) {}
  const char* name() const override { return "searchsorted"; }
  std::optional<Saved> saved() const override {
    return Saved{"searchsorted", {right_}};
  }
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.searchsorted(in[0], in[1], right_, out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    if (!batch.has_axis[0] && batch.in[0].ndim() == 1) {
      return batch.build(batch.in);
    }
    Array sorted = batch.along(0), values = batch.along(1);
    if (sorted.ndim() == 2) return batch.build({sorted, values});
    sorted = flatten(sorted, 0, 1);
    values = flatten(values, 0, 1);
    Array y = make_array(std::make_shared<SearchSorted>(right_), values.shape(),
                         Dtype::uint32, {sorted, values});
    return {reshape(y, batch.shape())};
  }

 private:
  bool right_;
};

}  // namespace

Array sort(const Array& x, std::optional<int64_t> axis) {
  static const auto op = std::make_shared<Sort>();
  return along_last(x, axis, "sort", [](const Array& y) {
    return make_array(op, y.shape(), y.dtype(), {y});
  });
}

Array argsort(const Array& x, std::optional<int64_t> axis) {
  static const auto op = std::make_shared<ArgSort>();
  return along_last(x, axis, "argsort", [](const Array& y) {
    require(y.shape(y.ndim() - 1) - 1 <= int64_t{UINT32_MAX},
            "argsort: indices must fit uint32, got shape ", y.shape());
    return make_array(op, y.shape(), Dtype::uint32, {y});
  });
}

Array searchsorted(const Array& sorted, const Array& values, bool right) {
  require(sorted.ndim() == 1,
          "searchsorted: sorted_sequence must have one dimension, got shape ",
          sorted.shape());
  require(sorted.size() <= int64_t{UINT32_MAX},
          "searchsorted: indices must fit uint32, got shape ", sorted.shape());
  Dtype dtype = promote(sorted.dtype(), values.dtype());
  return make_array(std::make_shared<SearchSorted>(right), values.shape(),
                    Dtype::uint32,
                    {astype(sorted, dtype), astype(values, dtype)});
}

}  // namespace ingot
