// Adafactor's step: one node for all tensors, and the same numbers as a graph,
// which is what derivatives go through.
// SPDX-License-Identifier: MIT
#include "csrc/ops/adafactor.h"

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/rule.h"
#include "csrc/saved.h"

namespace ingot {
namespace {

// Where the operands of each tensor begin in the inputs of a node, then its
// settings; results are the operands without the gradients.
class Layout {
 public:
  Layout(const Inputs& in, bool means) : means_(means) {
    int64_t at = 0;
    while (at < in.size()) {
      starts_.push_back(at);
      int64_t end = at + 3 + factored(in[at]) + means;
      for (int64_t k = at; k < end; ++k) {
        if (k != at + 1) replaced_.push_back(k);  // there is no new gradient
      }
      at = end;
    }
    require(at == in.size(), "adafactor: there must be all operands of each ",
            "tensor, got ", in.size(), " operands");
    starts_.push_back(at);
  }

  bool means() const { return means_; }
  int64_t tensors() const { return std::ssize(starts_) - 1; }
  int64_t operand(int64_t tensor) const {
    return starts_[static_cast<size_t>(tensor)];
  }
  int64_t result(int64_t tensor) const { return operand(tensor) - tensor; }
  int64_t results_of(int64_t tensor) const {
    return result(tensor + 1) - result(tensor);
  }
  int64_t results() const { return std::ssize(replaced_); }
  // The operand that a result replaces.
  int64_t replaced(int64_t result) const {
    return replaced_[static_cast<size_t>(result)];
  }
  int64_t setting(int64_t j) const { return starts_.back() + j; }

  // The moments of w: along rows and columns, or of all elements.
  static bool factored(const Array& w) { return w.ndim() >= 2; }

 private:
  bool means_;
  std::vector<int64_t> starts_, replaced_;
};

// The shape of x without one of its last two axes, counted from the end.
Shape without(const Shape& shape, int64_t axis) {
  Shape rest;
  for (int64_t i = 0; i < shape.size(); ++i) {
    if (i != shape.size() - axis) rest.push_back(shape[i]);
  }
  return rest;
}

// One tensor as a graph.
Arrays compose_tensor(const Inputs& in, int64_t at, int64_t results, bool means,
                      const HyperGraph<Adafactor>& hyper) {
  const Array& w = in[at];
  Arrays out = {w};
  for (int64_t k = 1; k < results; ++k) out.push_back(in[at + k + 1]);
  if (w.size() == 0) return out;
  Dtype compute = compute_type(w.dtype());
  auto h = hyper.of(compute);
  auto load = [&](int64_t k) { return Lazy(astype(in[at + k], compute)); };
  auto mean_of = [&](const Lazy& x, const Axes& axes = {}, bool keep = false) {
    return Lazy(mean(x.array(compute), axes, keep));
  };
  auto store = [&](int64_t k, const Lazy& x) {
    out[static_cast<size_t>(k)] = x.array(out[static_cast<size_t>(k)].dtype());
  };
  Lazy g = load(1), square = g * g, u;
  int64_t last = w.ndim() - 1;
  if (Layout::factored(w)) {
    Lazy row = Adafactor::moment(load(2), mean_of(square, Shape{last}), h);
    Lazy column =
        Adafactor::moment(load(3), mean_of(square, Shape{last - 1}), h);
    Lazy whole = mean_of(row, Shape{last - 1}, true);
    auto spread = [&](const Lazy& x, int64_t axis) {
      return Lazy(expand_dims(x.array(compute), Shape{axis}));
    };
    u = g * (spread(Adafactor::row_factor(row, whole), last) *
             spread(Adafactor::column_factor(column), last - 1));
    store(1, row);
    store(2, column);
  } else {
    Lazy v = Adafactor::moment(load(2), square, h);
    u = g * Adafactor::column_factor(v);
    store(1, v);
  }
  Element<Lazy, 1> e;
  e.w = load(0);
  e.s[0] = means ? load(results) : Lazy(0.0);
  Lazy size = Adafactor::size(mean_of(e.w * e.w), h);
  Lazy shrink = Adafactor::shrink(mean_of(u * u), h);
  e = Adafactor::step(e, u, size, shrink, h);
  store(0, e.w);
  if (means) store(results - 1, e.s[0]);
  return out;
}

Arrays compose(const Layout& at, const Inputs& in) {
  HyperGraph<Adafactor> hyper(
      [&](int j) -> const Array& { return in[at.setting(j)]; });
  Arrays out;
  for (int64_t i = 0; i < at.tensors(); ++i) {
    Arrays made =
        compose_tensor(in, at.operand(i), at.results_of(i), at.means(), hyper);
    out.insert(out.end(), made.begin(), made.end());
  }
  return out;
}

class AdafactorStep final : public Op {
 public:
  explicit AdafactorStep(Layout layout) : at_(std::move(layout)) {}
  const char* name() const override { return "adafactor"; }
  std::optional<Saved> saved() const override {
    return Saved{"adafactor", {at_.means()}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    const Array& x = in[at_.replaced(output)];
    return {x.shape(), x.dtype()};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    for (int64_t j = at_.setting(0); j < in.size(); ++j) backend.await(in[j]);
    AdafactorTable table;
    fill_hyper_of<Adafactor>(
        table, [&](int j) -> const Array& { return in[at_.setting(j)]; });
    allocate(in, out);
    for (int64_t i = 0; i < at_.tensors(); ++i) {
      if (in[at_.operand(i)].size() > 0) {
        table.tensors.push_back(tensor(in, out, i));
      } else {
        keep(backend, in, out, i);
      }
    }
    if (!table.tensors.empty()) backend.adafactor(table);
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    return vjp_through([&](const Inputs& inner) { return compose(at_, inner); },
                       in, cotangents, wanted);
  }

 private:
  // All of it before anything is written: a failure leaves the inputs whole.
  void allocate(const Inputs& in, Outputs& out) const {
    for (int64_t k = 0; k < at_.results(); ++k) {
      int64_t source = at_.replaced(k);
      if (donatable(in, source)) {
        out[k].reuse(in[source]);
      } else {
        out[k].allocate();
      }
    }
  }

  // The state of a tensor without elements has some, which stay as they are.
  void keep(Backend& backend, const Inputs& in, Outputs& out, int64_t i) const {
    for (int64_t k = at_.result(i); k < at_.result(i + 1); ++k) {
      const Array& from = in[at_.replaced(k)];
      Array& to = out[k];
      if (to.size() > 0 && to.data() != from.data()) backend.copy(from, to);
    }
  }

  AdafactorTensor tensor(const Inputs& in, const Outputs& out,
                         int64_t i) const {
    AdafactorTensor t;
    const Array* x = &in[at_.operand(i)];
    const Array* y = &out[at_.result(i)];
    int64_t last = x->ndim() - 1;
    t.factored = Layout::factored(*x);
    t.columns = t.factored ? x->shape(last) : x->size();
    t.rows = t.factored ? x->shape(last - 1) : 1;
    t.matrices = x->size() / (t.rows * t.columns);
    t.compute = compute_type(x->dtype());
    t.in.w = *x++;
    t.in.g = *x++;
    t.in.row = *x++;
    t.out.w = *y++;
    t.out.row = *y++;
    if (t.factored) {
      t.in.column = *x++;
      t.out.column = *y++;
    }
    if (at_.means()) {
      t.in.mean = *x;
      t.out.mean = *y;
    }
    return t;
  }

  Layout at_;
};

void check(const Layout& at, const Inputs& in, const Arrays& settings) {
  for (int64_t i = 0; i < at.tensors(); ++i) {
    const Array& w = in[at.operand(i)];
    auto must_be = [&](int64_t k, const char* kind, const Shape& shape) {
      const Array& x = in[at.operand(i) + k];
      require(x.shape() == shape, "adafactor: ", kind, " ", i,
              " must have shape ", shape, ", got ", x.shape());
      require<TypeError>(is_floating(x.dtype()), "adafactor: ", kind, " ", i,
                         " must be of a floating dtype, got ", x.dtype());
    };
    must_be(0, "parameter", w.shape());
    must_be(1, "gradient", w.shape());
    if (Layout::factored(w)) {
      must_be(2, "exp_avg_sq_row", without(w.shape(), 1));
      must_be(3, "exp_avg_sq_col", without(w.shape(), 2));
    } else {
      must_be(2, "exp_avg_sq", w.shape());
    }
    if (at.means()) must_be(at.results_of(i), "exp_avg", w.shape());
  }
  require(settings.size() == kAdafactorSettings, "adafactor: there must be ",
          kAdafactorSettings, " settings, got ", settings.size());
  for (const Array& x : settings) {
    require(x.ndim() == 0, "adafactor: settings must be scalars, got shape ",
            x.shape());
  }
}

}  // namespace

Arrays adafactor(Inputs operands, bool means, const Arrays& settings) {
  Layout at(operands, means);
  check(at, operands, settings);
  if (at.tensors() == 0) return {};
  int64_t results = at.results();
  for (const Array& x : settings) operands.push_back(x);
  return make_arrays(std::make_shared<AdafactorStep>(std::move(at)), results,
                     std::move(operands));
}

}  // namespace ingot
