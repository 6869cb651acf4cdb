// The table of operations that files know: each row builds one again, by functions
// that check what they are given.
// SPDX-License-Identifier: MIT
#include <cmath>
#include <functional>
#include <map>

#include "csrc/ops.h"
#include "csrc/ops/adafactor.h"
#include "csrc/ops/random.h"
#include "csrc/ops/remade.h"
#include "csrc/ops/step.h"
#include "csrc/saved.h"

namespace ingot {
namespace {

constexpr int kAny = -1;  // number of inputs

struct Row {
  const char* name;
  int inputs;
  size_t fields;
  std::function<Arrays(const Reading&)> build;

  // f gives an Array or Arrays.
  template <class F>
  Row(const char* name, int inputs, size_t fields, F f)
      : name(name), inputs(inputs), fields(fields) {
    build = [f](const Reading& r) {
      if constexpr (std::is_same_v<decltype(f(r)), Array>) {
        return Arrays{f(r)};
      } else {
        return f(r);
      }
    };
  }
};

Array build_arange(const Reading& r) {
  require(r.ndim() == 1, "the result must be a vector, got ", r.shape());
  double start = r.number(0), step = r.number(1);
  int64_t size = r.shape()[0];
  double last = start + static_cast<double>(size) * step;
  require(is_floating(r.dtype()) ||
              (std::abs(start) < 0x1p62 && std::abs(last) < 0x1p62),
          "integers must be within 2^62, got ", start, " to ", last);
  return progression(start, step, size, r.dtype());
}

Array build_reduction(const Reading& r) {
  using Simple = Array (*)(const Array&, const Axes&, bool);
  constexpr Simple simple[] = {sum, prod, max, min, all, any, mean};
  auto op = r.choice<ReduceOp>(0, 10);
  const Shape& axes = r.list(1);
  bool keepdims = r.ndim() == r.in[0].ndim();
  switch (op) {
    case ReduceOp::var:
      return var(r.in[0], axes, keepdims, r.integer(2));
    case ReduceOp::std:
      return ingot::std(r.in[0], axes, keepdims, r.integer(2));
    case ReduceOp::logsumexp:
      return logsumexp(r.in[0], axes, keepdims);
    default:
      return simple[static_cast<int>(op)](r.in[0], axes, keepdims);
  }
}

Array build_arg_reduction(const Reading& r, bool largest) {
  int64_t axis = r.integer(0);
  bool keepdims = r.ndim() == r.in[0].ndim();
  Array y = largest ? argmax(r.in[0], axis, keepdims)
                    : argmin(r.in[0], axis, keepdims);
  // Over all elements of an array, whose dimensions are kept.
  return y.ndim() == r.ndim() ? y : reshape(y, r.shape());
}

Array build_scan(const Reading& r) {
  using Function = Array (*)(const Array&, std::optional<int64_t>, bool, bool);
  constexpr Function functions[] = {cumsum, cumprod, cummax, cummin,
                                    logcumsumexp};
  return functions[r.index(0, kScanOps)](r.in[0], r.integer(1), r.flag(2),
                                         r.flag(3));
}

Array build_matmul(const Reading& r) {
  double alpha = r.number(0), beta = r.number(1);
  size_t operands = beta == 0 ? 2 : 3;
  require(r.in.size() == operands, "there must be ", operands, " inputs, got ",
          r.in.size());
  if (alpha == 1 && beta == 0) return matmul(r.in[0], r.in[1]);
  Array start = beta == 0 ? Array::scalar(0.0, r.in[0].dtype()) : r.in[2];
  return addmm(start, r.in[0], r.in[1], alpha, beta);
}

Convolution convolution(const Reading& r) {
  return {r.list(0), r.list(1), r.list(2), r.list(3), r.integer(4)};
}

Shape inner(const Shape& shape) {
  require(shape.size() >= 2, "the result must have spatial dimensions, got ",
          "shape ", shape);
  return Shape(shape.begin() + 1, shape.end() - 1);
}

Arrays build_factorization(const Reading& r) {
  auto kind = r.choice<Factorization::Kind>(0, Factorization::singular);
  const char* name = r.name(1);
  bool upper = r.flag(2), transposed = r.flag(3);
  size_t inputs = kind == Factorization::solve              ? 4
                  : kind == Factorization::determinant      ? 3
                  : kind == Factorization::triangular_solve ? 2
                                                            : 1;
  require(r.in.size() == inputs, "there must be ", inputs, " inputs, got ",
          r.in.size());
  const Array& a = r.in[0];
  auto outputs = std::ssize(r.outputs);
  switch (kind) {
    case Factorization::inverse:
      return {inv(a)};
    case Factorization::triangular_inverse:
      return {triangular_inverse(a, upper, name)};
    case Factorization::cholesky:
      return {cholesky(a, upper)};
    case Factorization::lu:
      return lu_factors(a, name);
    case Factorization::determinant:
      require(outputs <= 2, "there must be 1 or 2 outputs, got ", outputs);
      return determinant_factored(r.in, outputs, name);
    case Factorization::solve:
      return {solve_factored(r.in, transposed, name)};
    case Factorization::triangular_solve:
      return {solve_triangular(a, r.in[1], upper)};
    default:
      require(outputs <= 2, "there must be 1 or 2 outputs, got ", outputs);
      return eigen(a, upper, outputs, name);
  }
}

Arrays build_step(const Reading& r) {
  StepRule rule = rule_named(r.name(0));
  int64_t clips = r.flag(1) ? 3 : 0;
  int64_t settings = std::ssize(info(rule).settings),
          slots = std::ssize(info(rule).slots);
  int64_t operands = std::ssize(r.in) - settings - clips;
  require(operands >= 0 && (clips == 0 || rule != StepRule::Scale),
          "there must be operands and settings, got ", r.in.size(), " inputs");
  Inputs in(r.in.begin(), r.in.begin() + operands);
  if (clips > 0) {  // the two nodes that were one
    Inputs gradients;
    for (int64_t i = 1; i < operands; i += 2 + slots) {
      for (int k = 0; k < 2; ++k) gradients.push_back(in[i]);
    }
    Arrays clipped = step(StepRule::Scale, std::move(gradients),
                          Arrays(r.in.end() - clips, r.in.end()));
    for (size_t i = 0; i < clipped.size(); ++i) {
      in[1 + static_cast<int64_t>(i) * (2 + slots)] = clipped[i];
    }
  }
  return step(rule, std::move(in),
              Arrays(r.in.begin() + operands, r.in.end() - clips));
}

Arrays build_adafactor(const Reading& r) {
  constexpr int64_t settings = kAdafactorSettings;
  int64_t operands = std::ssize(r.in) - settings;
  require(operands >= 0, "there must be ", settings, " settings, got ",
          r.in.size(), " inputs");
  return adafactor(Inputs(r.in.begin(), r.in.begin() + operands), r.flag(0),
                   Arrays(r.in.begin() + operands, r.in.end()));
}

Array build_norm(const Reading& r) {
  for (const Array& x : r.in) {
    require(is_floating(x.dtype()), "inputs must be floating, got ", x.dtype());
  }
  return global_norm(r.in, r.number(0));
}

Arrays build_depends(const Reading& r) {
  size_t n = r.outputs.size();
  require(n > 0 && n <= r.in.size(), "there must be as many inputs as outputs");
  return depends(Arrays(r.in.begin(), r.in.begin() + static_cast<int64_t>(n)),
                 Arrays(r.in.begin() + static_cast<int64_t>(n), r.in.end()));
}

Arrays build_split(const Reading& r) {
  const Shape& starts = r.sizes(1);
  require(!starts.empty() && starts[0] == 0, "parts must begin at 0, got ",
          starts);
  return split(r.in[0], Shape(starts.begin() + 1, starts.end()), r.integer(0));
}

std::vector<int64_t> vector_of(const Shape& list) {
  return {list.begin(), list.end()};
}

Array build_gather(const Reading& r) {
  require(!r.in.empty(), "there must be inputs, got none");
  return gather(r.in[0], Arrays(r.in.begin() + 1, r.in.end()),
                vector_of(r.list(1)), vector_of(r.sizes(2)), r.name(0));
}

Array build_scatter(const Reading& r) {
  require(r.in.size() >= 2, "there must be 2 inputs or more");
  return scatter(r.choice<ScatterOp>(1, 6), r.in[0],
                 Arrays(r.in.begin() + 1, r.in.end() - 1), r.in.back(),
                 vector_of(r.list(2)), r.name(0));
}

using R = const Reading&;

// Names stay as they are: files have them.
const Row kRows[] = {
#define UNARY(name, Functor, kind, doc) \
  {#name, 1, 0, [](R r) { return name(r.in[0]); }},
#define BINARY(name, Functor, kind, doc) \
  {#name, 2, 0, [](R r) { return name(r.in[0], r.in[1]); }},
#include "csrc/ops.def"
    {"where", 3, 0, [](R r) { return where(r.in[0], r.in[1], r.in[2]); }},
    {"astype", 1, 0, [](R r) { return astype(r.in[0], r.dtype()); }},
    // creation
    {"full", 0, 2,
     [](R r) {
       Number value{r.number(0), r.word(1)};
       return full(r.shape(), value, r.dtype());
     }},
    {"arange", 0, 2, build_arange},
    {"eye", 0, 1,
     [](R r) {
       require(r.ndim() == 2, "the result must be a matrix, got ", r.shape());
       return eye(r.shape()[0], r.shape()[1], r.integer(0), r.dtype());
     }},
    {"random", 1, 3,
     [](R r) {
       Distribution what{r.choice<DistributionKind>(0, 4), r.number(1),
                         r.number(2)};
       bool words = what.kind == DistributionKind::bits;
       require(words ? r.dtype() == Dtype::uint32 : is_floating(r.dtype()),
               "numbers must be floating, bits uint32, got ", r.dtype());
       return random::draw(what, r.shape(), r.dtype(), r.in[0]);
     }},
    // views
    {"reshape", 1, 0, [](R r) { return reshape(r.in[0], r.shape()); }},
    {"expand_dims", 1, 1, [](R r) { return expand_dims(r.in[0], r.list(0)); }},
    {"squeeze", 1, 1, [](R r) { return squeeze(r.in[0], r.list(0)); }},
    {"transpose", 1, 1, [](R r) { return transpose(r.in[0], r.list(0)); }},
    {"broadcast_to", 1, 0,
     [](R r) { return broadcast_to(r.in[0], r.shape()); }},
    {"slice", 1, 3,
     [](R r) { return slice(r.in[0], r.sizes(0), r.sizes(1), r.list(2)); }},
    {"alias", 1, 0, [](R r) { return r.in[0]; }},
    {"stop_gradient", 1, 0, [](R r) { return stop_gradient(r.in[0]); }},
    {"view", 1, 0, [](R r) { return view(r.in[0], r.dtype()); }},
    {"contiguous", 1, 0, [](R r) { return contiguous(r.in[0]); }},
    {"depends", kAny, 0, build_depends},
    {"diagonal", 1, 3,
     [](R r) {
       return diagonal(r.in[0], r.integer(0), r.integer(1), r.integer(2));
     }},
    {"as_strided", 1, 2,
     [](R r) {
       return as_strided(r.in[0], r.shape(), r.list(0), r.integer(1));
     }},
    // copies
    {"concatenate", kAny, 1,
     [](R r) { return concatenate(r.in, r.integer(0)); }},
    {"split", 1, 2, build_split},
    {"slice_update", 2, 3,
     [](R r) {
       return slice_update(r.in[0], r.in[1], r.sizes(0), r.sizes(1), r.list(2));
     }},
    // reductions, scans, sorting
    {"reduce", 1, 3, build_reduction},
    {"argmax", 1, 1, [](R r) { return build_arg_reduction(r, true); }},
    {"argmin", 1, 1, [](R r) { return build_arg_reduction(r, false); }},
    {"softmax", 1, 0, [](R r) { return softmax(r.in[0], Shape{-1}); }},
    {"global_norm", kAny, 1, build_norm},
    {"scan", 1, 4, build_scan},
    {"sort", 1, 0, [](R r) { return sort(r.in[0], -1); }},
    {"argsort", 1, 0, [](R r) { return argsort(r.in[0], -1); }},
    {"searchsorted", 2, 1,
     [](R r) { return searchsorted(r.in[0], r.in[1], r.flag(0)); }},
    // products
    {"matmul", kAny, 2, build_matmul},
    {"conv", 2, 5,
     [](R r) {
       return convolved_at(convolution(r), r.in[0], r.in[1], inner(r.shape()));
     }},
    {"conv_weight", 2, 5,
     [](R r) {
       return convolved_weight(convolution(r), r.in[0], r.in[1], r.shape());
     }},
    // matrices
    {"qr", 1, 0,
     [](R r) {
       auto [q, u] = qr(r.in[0]);
       return Arrays{q, u};
     }},
    {"factorize", kAny, 4, build_factorization},
    {"singular", 1, 2,
     [](R r) { return singular(r.in[0], r.choice<Vectors>(0, 3), r.name(1)); }},
    {"pinv", 2, 0, [](R r) { return pseudoinverse_of(r.in[0], r.in[1]); }},
    // indexing
    {"gather", kAny, 3, build_gather},
    {"scatter", kAny, 3, build_scatter},
    {"take_along_axis", 2, 1,
     [](R r) { return take_along_axis(r.in[0], r.in[1], r.integer(0)); }},
    {"put_along_axis", 3, 1,
     [](R r) {
       return put_along_axis(r.in[0], r.in[1], r.in[2], r.integer(0));
     }},
    {"add_along_axis", 3, 1,
     [](R r) {
       return add_along_axis(r.in[0], r.in[1], r.in[2], r.integer(0));
     }},
    // layers
    {"normalize", kAny, 4,
     [](R r) {
       require(!r.in.empty(), "there must be inputs, got none");
       return normalized({r.flag(0), r.number(1)}, {r.flag(2), r.flag(3)}, r.in,
                         r.dtype());
     }},
    {"normalize_gradients", kAny, 5,
     [](R r) {
       return normalize_gradients({r.flag(0), r.number(1)},
                                  {r.flag(2), r.flag(3)}, r.in, r.list(4));
     }},
    {"attend", kAny, 2,
     [](R r) { return attend({r.number(0), r.choice<MaskKind>(1, 4)}, r.in); }},
    {"attend_gradients", kAny, 3,
     [](R r) {
       return attend_gradients({r.number(0), r.choice<MaskKind>(1, 4)}, r.in,
                               r.list(2));
     }},
    {"rope", 3, 1,
     [](R r) { return turned(r.flag(0), r.in[0], r.in[1], r.in[2]); }},
    // optimizers
    {"step", kAny, 2, build_step},
    {"adafactor", kAny, 1, build_adafactor},
};

const Row& row_named(const std::string& name) {
  static const auto* rows = [] {
    auto* map = new std::map<std::string, const Row*>;
    for (const Row& row : kRows) map->emplace(row.name, &row);
    return map;
  }();
  auto found = rows->find(name);
  require(found != rows->end(), "there is no such operation");
  return *found->second;
}

}  // namespace

std::vector<std::string> saved_names() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.push_back(row.name);
  return names;
}

Arrays build(const Reading& r) {
  const Row& row = row_named(r.saved.name);
  require(row.inputs == kAny || std::ssize(r.in) == row.inputs,
          "there must be ", row.inputs, " inputs, got ", r.in.size());
  require(r.saved.fields.size() == row.fields, "there must be ", row.fields,
          " fields, got ", r.saved.fields.size());
  require(!r.outputs.empty(), "there must be outputs, got none");
  for (const Spec& spec : r.outputs) {
    size_of(spec.shape, spec.dtype, r.saved.name.c_str());
  }
  return row.build(r);
}

}  // namespace ingot
