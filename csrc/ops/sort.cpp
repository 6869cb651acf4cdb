// Sorting: stable, ascending, NaN last.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

// Along the last axis.
class Sort final : public Op {
 public:
  const char* name() const override { return "sort"; }

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
  bool stops_gradient() const override { return true; }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.argsort(in[0], out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }
};

// Runs f on x with `axis` last, and moves it back.
template <class F>
Array along_last(const Array& x, std::optional<int64_t> axis, const char* name,
                 F&& f) {
  if (!axis) return f(reshape(x, {-1}));
  int64_t from = normalize_axis(*axis, x.ndim(), name);
  return moveaxis(f(moveaxis(x, from, -1)), -1, from);
}

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

}  // namespace ingot
