// Sums of products of arrays whose axes are named, pair by pair: products of
// matrices as far as it goes, else elementwise ones.
// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bit>

#include "csrc/ops/einsum_plan.h"
#include "csrc/ops/operators.h"

namespace ingot {
namespace {

using einsums::Equation;
using einsums::holds;
using einsums::Labels;
using einsums::Set;
using einsums::set_of;

// An array and the labels of its axes.
struct Named {
  Array x;
  Labels labels;

  Set set() const { return set_of(labels); }
  void drop(int64_t axis) { labels.erase(labels.begin() + axis); }

  // The sizes of some of its axes.
  Shape sizes(const Labels& some) const {
    Shape shape;
    for (int label : some) shape.push_back(x.shape(axis_of(label)));
    return shape;
  }
  int64_t axis_of(int label) const {
    return std::find(labels.begin(), labels.end(), label) - labels.begin();
  }
};

Labels joined(Labels a, const Labels& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

// An operand, with diagonals for repeated labels, and without axes along which
// it will be broadcast.
Named operand(const Equation& equation, size_t k, const Array& x) {
  Named it{x, equation.terms[k]};
  for (int64_t i = 0; i < std::ssize(it.labels);) {
    int label = it.labels[i];
    auto again = std::find(it.labels.begin() + i + 1, it.labels.end(), label);
    if (again == it.labels.end()) {
      ++i;
      continue;
    }
    int64_t j = again - it.labels.begin();
    it.x = diagonal(it.x, 0, i, j);
    it.drop(j);
    it.drop(i);
    it.labels.push_back(label);
  }
  for (int64_t i = std::ssize(it.labels); i-- > 0;) {
    if (it.x.shape(i) == 1 && equation.sizes[it.labels[i]] != 1) {
      it.x = squeeze(it.x, {i});
      it.drop(i);
    }
  }
  return it;
}

// Summed over the labels that are not kept.
Named sum_out(Named it, Set kept) {
  Shape axes;
  for (int64_t i = std::ssize(it.labels); i-- > 0;) {
    if (holds(kept, it.labels[i])) continue;
    axes.push_back(i);
    it.drop(i);
  }
  if (!axes.empty()) it.x = sum(it.x, axes);
  return it;
}

// With the axes in this order.
Array arranged(const Named& it, const Labels& order) {
  Shape axes;
  for (int label : order) axes.push_back(it.axis_of(label));
  return transpose(it.x, axes);
}

// The labels of two operands, by what becomes of them.
struct Roles {
  Labels batch, summed, left, right;

  Roles(const Named& a, const Named& b, Set kept) {
    for (int label : a.labels) {
      bool shared = holds(b.set(), label);
      (!shared ? left : holds(kept, label) ? batch : summed).push_back(label);
    }
    for (int label : b.labels) {
      if (!holds(a.set(), label)) right.push_back(label);
    }
  }
};

// x with the axes (batch, first, second), where each of the last two is what is
// left of a group.
Array as_matrices(const Named& it, const Labels& batch, const Labels& first,
                  const Labels& second) {
  Shape shape = it.sizes(batch);
  shape.push_back(size_of(it.sizes(first), it.x.dtype(), "einsum"));
  shape.push_back(size_of(it.sizes(second), it.x.dtype(), "einsum"));
  Array x = arranged(it, joined(joined(batch, first), second));
  return reshape(x, std::move(shape));
}

Named combine(Named a, Named b, Set kept) {
  a = sum_out(std::move(a), kept | b.set());
  b = sum_out(std::move(b), kept | a.set());
  Roles roles(a, b, kept);
  Shape shape = a.sizes(joined(roles.batch, roles.left));
  Shape rest = b.sizes(roles.right);
  Labels labels = joined(joined(roles.batch, roles.left), roles.right);
  Array result;
  if (!roles.summed.empty() && roles.left.empty() && roles.right.empty()) {
    Array x = as_matrices(a, roles.batch, {}, roles.summed);
    Array y = as_matrices(b, roles.batch, {}, roles.summed);
    result = dot(x, y);
  } else {
    Array x = as_matrices(a, roles.batch, roles.left, roles.summed);
    Array y = as_matrices(b, roles.batch, roles.summed, roles.right);
    result = roles.summed.empty() ? x * y : contract(x, y);
  }
  shape.append(rest.begin(), rest.end());
  return {reshape(result, std::move(shape)), std::move(labels)};
}

// Whether what is computed of them is rounded more than once.
bool rounds_again(const std::vector<Named>& operands, Set output) {
  if (operands.size() != 2) return operands.size() > 2;
  return ((operands[0].set() ^ operands[1].set()) & ~output) != 0;
}

Named run(const Equation& equation, std::vector<Named> left) {
  Set output = set_of(equation.output);
  for (auto [i, j] : einsums::plan(equation)) {
    Named a = std::move(left[i]), b = std::move(left[j]);
    left.erase(left.begin() + j);
    left.erase(left.begin() + i);
    Set kept = output;
    for (const Named& other : left) kept |= other.set();
    left.push_back(combine(std::move(a), std::move(b), kept));
  }
  return sum_out(std::move(left[0]), output);
}

}  // namespace

Array einsum(const std::string& subscripts, const Arrays& operands) {
  Equation equation = einsums::read(subscripts, operands);
  Dtype dtype = operands[0].dtype();
  std::vector<Named> terms;
  for (size_t k = 0; k < operands.size(); ++k) {
    dtype = promote(dtype, operands[k].dtype());
    terms.push_back(operand(equation, k, operands[k]));
  }
  bool widened = is_half(dtype) && rounds_again(terms, set_of(equation.output));
  for (Named& term : terms) {
    term.x = astype(term.x, widened ? Dtype::float32 : dtype);
  }
  Named result = run(equation, std::move(terms));
  Array ordered = arranged(result, equation.output);
  return widened ? astype(ordered, dtype) : ordered;
}

EinsumPath einsum_path(const std::string& subscripts, const Arrays& operands) {
  Equation equation = einsums::read(subscripts, operands);
  Set output = set_of(equation.output), all = 0;
  std::vector<Set> left;
  for (const Labels& term : equation.terms) left.push_back(set_of(term));
  for (Set set : left) all |= set;
  // Multiplications, and additions where something is summed.
  auto operations = [&](Set set, Set kept, size_t count) {
    double factor = std::max<double>(1, static_cast<double>(count) - 1);
    return equation.size_of(set) * (factor + ((set & ~kept) != 0));
  };
  double naive = operations(all, output, left.size()), chosen = 0;
  int widest = 0;
  EinsumPath path;
  for (auto [i, j] : einsums::plan(equation)) {
    Set both = left[i] | left[j], kept = output;
    left.erase(left.begin() + j);
    left.erase(left.begin() + i);
    for (Set other : left) kept |= other;
    left.push_back(both & kept);
    chosen += operations(both, kept, 2);
    widest = std::max(widest, std::popcount(both));
    path.steps.push_back({i, j});
  }
  if (path.steps.empty()) {
    path.steps.push_back({0});
    chosen = naive;
    widest = std::popcount(all);
  }
  path.text = cat("contraction: ", subscripts,  //
                  "\nall at once: ", std::popcount(all), " indices, ", naive,
                  " operations\nin this order: ", widest, " indices at most, ",
                  chosen, " operations\n");
  return path;
}

}  // namespace ingot
