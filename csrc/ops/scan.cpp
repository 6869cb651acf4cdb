// Scans: what a reduction gives of the elements so far, and the differences
// that undo sums.
// SPDX-License-Identifier: MIT
#include "csrc/backend.h"
#include "csrc/ops/complex.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"

namespace ingot {
namespace {

const char* name_of(ScanOp op) {
  constexpr const char* kNames[kScanOps] = {"cumsum", "cumprod", "cummax",
                                            "cummin", "logcumsumexp"};
  return kNames[static_cast<int>(op)];
}

// Elements start to stop along an axis.
Array part(const Array& x, int64_t axis, int64_t start, int64_t stop) {
  Shape from(x.ndim()), to = x.shape(), step(x.ndim(), 1);
  from[axis] = start;
  to[axis] = stop;
  return slice(x, from, to, step);
}

Array flipped(const Array& x, int64_t axis) {
  Shape from(x.ndim()), to = x.shape(), step(x.ndim(), 1);
  from[axis] = x.shape(axis) - 1;
  to[axis] = -1;
  step[axis] = -1;
  return slice(x, from, to, step);
}

// y where y[i] = c[i] + a[i] * y[i + 1] and the last y is the last c, in log n
// steps: after each, y[i] holds the terms up to c[i + reach], and a[i] the
// factor of the next. Nothing is divided: a factor may be 0.
Array recurrence(Array a, const Array& c, int64_t axis) {
  int64_t n = c.shape(axis);
  Array y = c;
  for (int64_t reach = 1; reach < n; reach *= 2) {
    int64_t m = n - reach;
    y = concatenate({part(y, axis, 0, m) + a * part(y, axis, reach, n),
                     part(y, axis, m, n)},
                    axis);
    if (reach < m) {
      a = part(a, axis, 0, m - reach) * part(a, axis, reach, m);
    }
  }
  return y;
}

// exp(a - b), 1 where both are the same infinity.
Array ratio(const Array& a, const Array& b) {
  return exp(where(equal(a, b), Array::scalar(0.0, a.dtype()), a - b));
}

Array scan(const Scan& what, const Array& x);

class ScanAlong final : public Op {
 public:
  explicit ScanAlong(const Scan& what) : what_(what) {}
  const char* name() const override { return name_of(what_.op); }
  std::optional<Saved> saved() const override {
    return Saved{"scan",
                 {what_.op, what_.axis, what_.reverse, what_.inclusive}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.scan(what_, in[0], out[0]);
  }

  Arrays vmap(const Batch& batch) const override {
    Scan what = what_;
    ++what.axis;
    return batch.build(std::make_shared<ScanAlong>(what), batch.in);
  }

  // Half types take their derivatives in float32, as those of reductions.
  Arrays vjp(const Inputs& in, const Outputs& out, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    if (in[0].size() == 0) return {cotangents[0]};
    if (what_.op == ScanOp::sum) {
      return {scan({what_.op, what_.axis, !what_.reverse, what_.inclusive},
                   cotangents[0])};
    }
    if (what_.reverse || !what_.inclusive) {
      auto compose = [this](const Inputs& x) { return Arrays{composed(x[0])}; };
      return vjp_through(compose, in, cotangents, wanted);
    }
    Dtype dtype = compute_type(in[0].dtype());
    Array c = astype(cotangents[0], dtype);
    return {astype(gradient(astype(in[0], dtype), astype(out[0], dtype), c),
                   in[0].dtype())};
  }

 private:
  // The same of an inclusive scan from the start.
  Array composed(const Array& x) const {
    int64_t axis = what_.axis, n = x.shape(axis);
    Array y = what_.reverse ? flipped(x, axis) : x;
    Array z = scan({what_.op, axis}, y);
    if (!what_.inclusive) {
      // What there is of no elements is the same whatever comes after them.
      Array none = stop_gradient(
          scan({what_.op, axis, false, false}, part(y, axis, 0, 1)));
      z = concatenate({none, part(z, axis, 0, n - 1)}, axis);
    }
    return what_.reverse ? flipped(z, axis) : z;
  }

  Array gradient(const Array& x, const Array& y, const Array& c) const {
    int64_t axis = what_.axis, n = x.shape(axis);
    switch (what_.op) {
      case ScanOp::prod:
        return scan({what_.op, axis, false, false}, x) *
               recurrence(part(x, axis, 1, n), c, axis);
      case ScanOp::logsumexp: {
        Array shrink = ratio(part(y, axis, 0, n - 1), part(y, axis, 1, n));
        return ratio(x, y) * recurrence(shrink, c, axis);
      }
      default:
        return add_along_axis(zeros(x.shape(), c.dtype()), holders(x, y), c,
                              axis);
    }
  }

  // The place of each extreme: of equal elements the last that was met.
  Array holders(const Array& x, const Array& y) const {
    Shape line(x.ndim(), 1);
    line[what_.axis] = x.shape(what_.axis);
    auto n = static_cast<double>(x.shape(what_.axis));
    Array places = reshape(arange(0, n, 1, Dtype::int64), line);
    Array holds = logical_or(equal(x, y), not_equal(x, x));
    Array first = Array::scalar(int64_t{0}, Dtype::int64);
    return scan({ScanOp::max, what_.axis}, where(holds, places, first));
  }

  Scan what_;
};

Array scan(const Scan& what, const Array& x) {
  return make_array(std::make_shared<ScanAlong>(what), x.shape(), x.dtype(),
                    {x});
}

Array scan(ScanOp op, const Array& x, std::optional<int64_t> axis, bool reverse,
           bool inclusive) {
  Array y = axis ? x : flatten(x);
  int64_t along = normalize_axis(axis.value_or(0), y.ndim(), name_of(op));
  if (op == ScanOp::sum && y.dtype() == Dtype::bool_) {
    y = astype(y, Dtype::int32);
  }
  if (op == ScanOp::logsumexp) y = astype(y, floating(y.dtype()));
  Scan what = {op, along, reverse, inclusive};
  if (is_complex(y.dtype())) {
    if (Array z = scan_complex(what, y)) return z;
  }
  return scan(what, y);
}

}  // namespace

Array cumsum(const Array& x, std::optional<int64_t> axis, bool reverse,
             bool inclusive) {
  return scan(ScanOp::sum, x, axis, reverse, inclusive);
}
Array cumprod(const Array& x, std::optional<int64_t> axis, bool reverse,
              bool inclusive) {
  return scan(ScanOp::prod, x, axis, reverse, inclusive);
}
Array cummax(const Array& x, std::optional<int64_t> axis, bool reverse,
             bool inclusive) {
  return scan(ScanOp::max, x, axis, reverse, inclusive);
}
Array cummin(const Array& x, std::optional<int64_t> axis, bool reverse,
             bool inclusive) {
  return scan(ScanOp::min, x, axis, reverse, inclusive);
}
Array logcumsumexp(const Array& x, std::optional<int64_t> axis, bool reverse,
                   bool inclusive) {
  return scan(ScanOp::logsumexp, x, axis, reverse, inclusive);
}

Array diff(const Array& x, int64_t n, int64_t axis) {
  require(n >= 0, "diff: n must not be negative, got ", n);
  axis = normalize_axis(axis, x.ndim(), "diff");
  Array y = x;
  for (; n > 0 && y.shape(axis) > 0; --n) {
    Array low = part(y, axis, 0, y.shape(axis) - 1);
    Array high = part(y, axis, 1, y.shape(axis));
    y = x.dtype() == Dtype::bool_ ? not_equal(high, low) : high - low;
  }
  return y;
}

}  // namespace ingot
