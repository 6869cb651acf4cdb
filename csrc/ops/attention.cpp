// Scaled dot product attention: arguments, types and derivatives. The gradient
// is an operation of its own, which takes what the forward one leaves (lse) and
// needs no more memory; derivatives of that are those of its formula.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <climits>
#include <cmath>
#include <limits>

#include "csrc/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/operators.h"
#include "csrc/ops/remade.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

constexpr const char* kName = "scaled_dot_product_attention";

// Inputs are q, k, v and the mask, if any; of the gradient also lse, delta and
// the cotangent.
enum { kQ, kK, kV, kMask };

bool has_mask(const Attention& what) {
  return what.mask == MaskKind::boolean || what.mask == MaskKind::additive;
}

AttentionInputs operands(const Attention& what, const Inputs& in) {
  return {in[kQ], in[kK], in[kV], has_mask(what) ? &in[kMask] : nullptr};
}

Array transposed(const Array& x) { return swapaxes(x, -1, -2); }

// Scores without those that no query sees.
Array masked(const Attention& what, const Array& scores, const Inputs& in) {
  Array nothing =
      Array::scalar(-std::numeric_limits<double>::infinity(), scores.dtype());
  int64_t queries = scores.shape(3), keys = scores.shape(4);
  switch (what.mask) {
    case MaskKind::none:
      return scores;
    case MaskKind::causal:
      return where(tri(queries, keys, keys - queries, Dtype::bool_), scores,
                   nothing);
    case MaskKind::boolean:
      return where(in[kMask], scores, nothing);
    case MaskKind::additive:
      break;
  }
  return scores + in[kMask];
}

// The gradients of the inputs listed in `wanted`, from ordinary operations:
// with p = exp(scores - lse) and c the cotangent that of the scores is
// p (c v^T - delta).
Arrays compose(const Attention& what, const Inputs& in,
               const std::vector<int>& wanted) {
  int64_t after = kMask + has_mask(what);
  const Array &lse = in[after], &delta = in[after + 1];
  Dtype dtype = lse.dtype();
  auto load = [&](int64_t i) { return astype(in[i], dtype); };
  Array q = load(kQ), k = load(kK), v = load(kV), c = load(after + 2);
  Array scale = Array::scalar(what.scale, dtype);
  Array nothing =
      Array::scalar(-std::numeric_limits<double>::infinity(), dtype);
  // Of a query that sees no key probabilities are 0, not NaN.
  Array shift = where(equal(lse, nothing), Array::scalar(0.0, dtype), lse);
  Array scores = masked(what, matmul(q, transposed(k)) * scale, in);
  Array p = exp(scores - expand_dims(shift, {-1}));
  Array slope = p * (matmul(c, transposed(v)) - expand_dims(delta, {-1}));
  Arrays gradients;
  for (int i : wanted) {
    Array gradient = i == kQ   ? matmul(slope, k) * scale
                     : i == kK ? matmul(transposed(slope), q) * scale
                     : i == kV ? matmul(transposed(p), c)
                               : slope;
    gradients.push_back(astype(gradient, in[i].dtype()));
  }
  return gradients;
}

class AttendVjp final : public Op {
 public:
  AttendVjp(Attention what, std::vector<int> wanted)
      : what_(what), wanted_(std::move(wanted)) {}
  const char* name() const override { return kName; }
  std::optional<Saved> saved() const override {
    return Saved{"attend_gradients", {what_.scale, what_.mask, wanted_}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    const Array& x = in[wanted_[static_cast<size_t>(output)]];
    return {x.shape(), x.dtype()};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    AttentionGradients gradients{};
    for (int64_t k = 0; k < out.size(); ++k) {
      out[k].allocate();
      int i = wanted_[static_cast<size_t>(k)];
      (i == kQ ? gradients.q : i == kK ? gradients.k : gradients.v) = &out[k];
    }
    int64_t after = kMask + has_mask(what_);
    backend.attention_vjp(what_, operands(what_, in), in[after], in[after + 1],
                          in[after + 2], gradients);
  }

  Arrays vmap(const Batch& batch) const override {
    if (batch.size == 0) return {};
    return batch.folded(batch.in.size());
  }

  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    return vjp_through(
        [&](const Inputs& inner) { return compose(what_, inner, wanted_); }, in,
        cotangents, wanted);
  }

 private:
  Attention what_;
  std::vector<int> wanted_;  // inputs whose gradients are the outputs
};

// Its outputs are the result and lse.
class Attend final : public Op {
 public:
  explicit Attend(Attention what) : what_(what) {}
  const char* name() const override { return kName; }
  std::optional<Saved> saved() const override {
    return Saved{"attend", {what_.scale, what_.mask}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    Shape shape = in[kQ].shape();
    Dtype dtype = in[kQ].dtype();
    if (output == 0) {
      shape.back() = in[kV].shape().back();
      return {std::move(shape), dtype};
    }
    shape.pop_back();
    return {std::move(shape), compute_type(dtype)};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    out[1].allocate();
    backend.attention(what_, operands(what_, in), out[0], out[1]);
  }

  Arrays vmap(const Batch& batch) const override {
    if (batch.size == 0) return {};
    return batch.folded(batch.in.size());
  }

  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    Dtype dtype = out[1].dtype();
    Array c = cotangents[0] ? cotangents[0] : zeros_like(out[0]);
    Array delta = sum(astype(c, dtype) * astype(out[0], dtype), Shape{-1});
    if (cotangents[1]) delta = delta - cotangents[1];
    Inputs all = in;
    for (const Array& x : {out[1], delta, c}) all.push_back(x);
    std::vector<int> fused;
    for (int i : wanted) {
      if (i != kMask) fused.push_back(i);
    }
    Arrays gradients;
    if (!fused.empty()) {
      gradients = make_arrays(std::make_shared<AttendVjp>(what_, fused),
                              static_cast<int64_t>(fused.size()), all);
    }
    if (fused.size() < wanted.size()) {  // a mask is as large as its gradient
      bool numbers = what_.mask == MaskKind::additive;
      gradients.push_back(numbers ? compose(what_, all, {kMask})[0] : Array());
    }
    return gradients;
  }

 private:
  Attention what_;
};

// What is checked of the shapes, and is needed of them.
struct Heads {
  int64_t batch, kv, group, queries, keys;
};

Heads check_shapes(const Array& q, const Array& k, const Array& v) {
  require(q.ndim() == 4 && k.ndim() == 4 && v.ndim() == 4, kName,
          ": q, k and v must have 4 dimensions, got shapes ", q.shape(), ", ",
          k.shape(), " and ", v.shape());
  int64_t heads = q.shape(1), kv = k.shape(1);
  require(k.shape(0) == q.shape(0) && v.shape(0) == q.shape(0) &&
              v.shape(1) == kv && v.shape(2) == k.shape(2) &&
              k.shape(3) == q.shape(3),
          kName,
          ": k must have q's batch and features, v must have k's batch, ",
          "heads and length, got shapes ", q.shape(), ", ", k.shape(), " and ",
          v.shape());
  require(kv > 0 ? heads % kv == 0 : heads == 0, kName, ": the number of ",
          "heads of q must be a multiple of that of k and v, got ", heads,
          " and ", kv);
  require(std::max(q.shape(3), v.shape(3)) < INT_MAX, kName,
          ": features must be fewer than 2^31, got ", q.shape(3), " and ",
          v.shape(3));
  return {q.shape(0), kv, kv > 0 ? heads / kv : 0, q.shape(2), k.shape(2)};
}

// The mask for each head of a group, bool or in the type to compute in.
Array check_mask(const Array& mask, const Heads& heads, Dtype dtype) {
  Shape whole = {heads.batch, heads.kv * heads.group, heads.queries,
                 heads.keys};
  require(
      mask.ndim() <= 4 && broadcast_shapes(mask.shape(), whole, kName) == whole,
      kName, ": mask must broadcast to ", whole, ", got shape ", mask.shape());
  bool numbers = mask.dtype() != Dtype::bool_;
  require(!numbers || promote(mask.dtype(), dtype) == dtype, kName,
          ": an additive mask must promote to the dtype of q, k and v, ", dtype,
          ", got ", mask.dtype());
  Shape shape(4 - mask.ndim(), 1);
  for (int64_t n : mask.shape()) shape.push_back(n);
  bool each = shape[1] != 1;  // its own for each head
  shape = {shape[0], each ? heads.kv : 1, each ? heads.group : 1, shape[2],
           shape[3]};
  Array x = numbers ? astype(mask, compute_type(dtype)) : mask;
  return broadcast_to(reshape(x, shape), {heads.batch, heads.kv, heads.group,
                                          heads.queries, heads.keys});
}

// Of inputs that a file has: `count` besides q, k, v and the mask.
void check_inputs(const Attention& what, const Arrays& in, size_t count) {
  size_t all = kMask + has_mask(what) + count;
  require(in.size() == all, kName, ": there must be ", all, " inputs, got ",
          in.size());
  const Shape &q = in[kQ].shape(), &k = in[kK].shape(), &v = in[kV].shape();
  bool fit = q.size() == 5 && k.size() == 5 && v.size() == 5;
  for (int64_t i = 0; fit && i < 3; ++i) fit = q[i] == k[i] && q[i] == v[i];
  require(fit && q[4] == k[4] && k[3] == v[3] && q[3] > 0 &&
              in[kV].size() > 0 && std::max(q[4], v[4]) < INT_MAX,
          kName, ": q, k and v must fit each other and have elements, got ",
          "shapes ", q, ", ", k, " and ", v);
  Dtype dtype = in[kQ].dtype();
  require(
      is_floating(dtype) && in[kK].dtype() == dtype && in[kV].dtype() == dtype,
      kName, ": q, k and v must have one floating dtype, got ", dtype, ", ",
      in[kK].dtype(), " and ", in[kV].dtype());
  if (!has_mask(what)) return;
  Dtype kind =
      what.mask == MaskKind::boolean ? Dtype::bool_ : compute_type(dtype);
  Shape scores = {q[0], q[1], q[2], q[3], k[3]};
  require(in[kMask].shape() == scores && in[kMask].dtype() == kind, kName,
          ": the mask must be ", kind, " of shape ", scores, ", got ",
          in[kMask].dtype(), " of ", in[kMask].shape());
}

}  // namespace

Arrays attend(Attention what, const Arrays& in) {
  check_inputs(what, in, 0);
  return make_arrays(std::make_shared<Attend>(what), 2,
                     Inputs(in.begin(), in.end()));
}

Arrays attend_gradients(Attention what, const Arrays& in, const Shape& wanted) {
  check_inputs(what, in, 3);
  size_t after = kMask + has_mask(what);
  Shape rows = in[kQ].shape(), result = rows;
  rows.pop_back();
  result.back() = in[kV].shape().back();
  Dtype dtype = in[kQ].dtype(), wide = compute_type(dtype);
  for (size_t i = after; i < in.size(); ++i) {
    bool last = i + 1 == in.size();
    require(in[i].shape() == (last ? result : rows) &&
                in[i].dtype() == (last ? dtype : wide),
            kName, ": input ", i, " of the gradient must be ",
            last ? dtype : wide, " of shape ", last ? result : rows, ", got ",
            in[i].dtype(), " of ", in[i].shape());
  }
  std::vector<int> inputs;
  for (int64_t i : wanted) {
    bool ascends = inputs.empty() ? i >= kQ : i > inputs.back();
    require(ascends && i <= kV, kName, ": gradients must be of q, k and v, in ",
            "their order, got ", wanted);
    inputs.push_back(static_cast<int>(i));
  }
  return make_arrays(std::make_shared<AttendVjp>(what, inputs), wanted.size(),
                     Inputs(in.begin(), in.end()));
}

Array scaled_dot_product_attention(const Array& q, const Array& k,
                                   const Array& v, double scale, bool causal,
                                   const Array& mask, const Array& sinks) {
  Heads heads = check_shapes(q, k, v);
  Dtype dtype = promote(promote(q.dtype(), k.dtype()), v.dtype());
  require(is_floating(dtype), kName, ": q, k and v must promote to a floating ",
          "type, got ", q.dtype(), ", ", k.dtype(), " and ", v.dtype());
  require(std::isfinite(scale), kName, ": scale must be finite, got ", scale);
  Attention what = {scale, causal ? MaskKind::causal : MaskKind::none};
  Shape result = {heads.batch, heads.kv * heads.group, heads.queries,
                  v.shape(3)};
  // With sinks it is rounded once they are in.
  Dtype inner = sinks ? compute_type(dtype) : dtype;
  auto share = [&](const Array& x) {  // one head for each of a group
    Array y = reshape(astype(x, inner),
                      {heads.batch, heads.kv, 1, heads.keys, x.shape(3)});
    return broadcast_to(
        y, {heads.batch, heads.kv, heads.group, heads.keys, x.shape(3)});
  };
  Inputs in = {reshape(astype(q, inner), {heads.batch, heads.kv, heads.group,
                                          heads.queries, q.shape(3)}),
               share(k), share(v)};
  if (mask) {
    in.push_back(check_mask(mask, heads, dtype));
    what.mask =
        mask.dtype() == Dtype::bool_ ? MaskKind::boolean : MaskKind::additive;
  }
  require(!sinks || sinks.shape() == Shape{q.shape(1)}, kName,
          ": sinks must have shape ", Shape{q.shape(1)}, ", got ",
          sinks ? sinks.shape() : Shape());
  require(!sinks || promote(sinks.dtype(), dtype) == dtype, kName,
          ": sinks must promote to the dtype of q, k and v, ", dtype, ", got ",
          sinks ? sinks.dtype() : dtype);
  if (size_of(result, dtype, kName) == 0 || heads.keys == 0) {
    return zeros(result, dtype);
  }
  Arrays made = make_arrays(std::make_shared<Attend>(what), 2, std::move(in));
  Array out = reshape(made[0], result);
  if (!sinks) return out;
  // A sink s leaves e^lse / (e^lse + e^s) of the probability.
  Array lse = reshape(made[1], {heads.batch, q.shape(1), heads.queries, 1});
  Array sink = reshape(astype(sinks, inner), {q.shape(1), 1, 1});
  return astype(out * sigmoid(lse - sink), dtype);
}

}  // namespace ingot
