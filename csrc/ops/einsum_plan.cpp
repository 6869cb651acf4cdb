// Reads the subscripts of an einsum, and puts its contractions in order.
// SPDX-License-Identifier: MIT
#include "csrc/ops/einsum_plan.h"

#include <algorithm>
#include <bit>
#include <string_view>

namespace ingot::einsums {
namespace {

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

// While they are read: a letter is its code, the axes of "..." are counted from
// the last one.
constexpr int kEllipsis = 128;

struct Term {
  Labels letters;     // without those of "..."
  int ellipsis = -1;  // where it stands among them, if it does

  // With `axes` axes for the ellipsis.
  Labels labels(int64_t axes) const {
    Labels all = letters;
    if (ellipsis < 0) return all;
    for (int64_t i = 0; i < axes; ++i) {
      all.insert(all.begin() + ellipsis, kEllipsis + static_cast<int>(i));
    }
    return all;
  }
};

Term read_term(std::string_view text, const std::string& subscripts) {
  Term term;
  while (!text.empty()) {
    bool dots = text.starts_with("...") && term.ellipsis < 0;
    require(dots || is_letter(text[0]), "einsum: subscripts must be letters, ",
            "at most one '...' in each term, ',' and one '->', got '",
            subscripts, "'");
    if (dots) term.ellipsis = static_cast<int>(term.letters.size());
    if (!dots) term.letters.push_back(text[0]);
    text.remove_prefix(dots ? 3 : 1);
  }
  return term;
}

std::vector<Term> read_terms(std::string_view text,
                             const std::string& subscripts) {
  std::vector<Term> terms;
  while (true) {
    size_t comma = text.find(',');
    terms.push_back(read_term(text.substr(0, comma), subscripts));
    if (comma == std::string_view::npos) return terms;
    text.remove_prefix(comma + 1);
  }
}

// The output where none is given: the axes of "...", then the letters that
// appear once, in their order.
Labels implicit_output(const std::vector<Labels>& terms, int64_t axes) {
  Labels output, letters;
  for (int64_t i = axes; i-- > 0;) {
    output.push_back(kEllipsis + static_cast<int>(i));
  }
  for (const Labels& term : terms) {
    for (int label : term) {
      if (label < kEllipsis) letters.push_back(label);
    }
  }
  std::sort(letters.begin(), letters.end());
  for (int letter : letters) {
    if (std::count(letters.begin(), letters.end(), letter) == 1) {
      output.push_back(letter);
    }
  }
  return output;
}

// Renames labels to 0, 1, 2 ... in order of appearance.
class Numbers {
 public:
  Labels of(const Labels& labels) {
    Labels numbers;
    for (int label : labels) numbers.push_back(of(label));
    return numbers;
  }
  bool knows(int label) const {
    return std::find(seen_.begin(), seen_.end(), label) != seen_.end();
  }
  size_t count() const { return seen_.size(); }

 private:
  int of(int label) {
    if (!knows(label)) seen_.push_back(label);
    auto at = std::find(seen_.begin(), seen_.end(), label);
    return static_cast<int>(at - seen_.begin());
  }

  Labels seen_;
};

// The sizes of labels; those of one operand's own must agree, between operands 1
// goes with any.
std::vector<int64_t> sizes_of(const std::vector<Labels>& terms, size_t labels,
                              const Arrays& operands,
                              const std::string& subscripts) {
  std::vector<int64_t> sizes(labels, 1);
  for (size_t k = 0; k < terms.size(); ++k) {
    std::vector<int64_t> own(labels, -1);
    for (size_t i = 0; i < terms[k].size(); ++i) {
      auto label = static_cast<size_t>(terms[k][i]);
      int64_t n = operands[k].shape(static_cast<int64_t>(i));
      bool fits = (own[label] < 0 || own[label] == n) &&
                  (sizes[label] == 1 || n == 1 || sizes[label] == n);
      require(fits, "einsum: axes of one subscript must have one size, got ",
              sizes[label], " and ", n, " in operand ", k, " of '", subscripts,
              "'");
      own[label] = n;
      if (n != 1) sizes[label] = n;
    }
  }
  return sizes;
}

}  // namespace

double Equation::size_of(Set set) const {
  double size = 1;
  for (; set != 0; set &= set - 1) {
    size *= static_cast<double>(sizes[std::countr_zero(set)]);
  }
  return size;
}

Equation read(const std::string& subscripts, const Arrays& operands) {
  std::string text;
  for (char c : subscripts) {
    if (c != ' ') text += c;
  }
  size_t arrow = text.find("->");
  auto inputs = read_terms(std::string_view(text).substr(0, arrow), subscripts);
  require(inputs.size() == operands.size(),
          "einsum: there must be one operand ", "for each term of '",
          subscripts, "', got ", operands.size());
  std::vector<Labels> terms;
  int64_t widest = 0;  // axes of "..."
  for (size_t k = 0; k < inputs.size(); ++k) {
    int64_t axes = operands[k].ndim() - std::ssize(inputs[k].letters);
    require(inputs[k].ellipsis < 0 ? axes == 0 : axes >= 0, "einsum: operand ",
            k, " must have an axis for each subscript of '", subscripts,
            "', got shape ", operands[k].shape());
    terms.push_back(inputs[k].labels(axes));
    widest = std::max(widest, axes);
  }
  Labels output =
      arrow == std::string::npos
          ? implicit_output(terms, widest)
          : read_term(std::string_view(text).substr(arrow + 2), subscripts)
                .labels(widest);
  Numbers numbers;
  Equation equation;
  for (const Labels& term : terms) equation.terms.push_back(numbers.of(term));
  require(numbers.count() <= kLabels, "einsum: there must be at most ", kLabels,
          " different axes, got ", numbers.count());
  for (size_t i = 0; i < output.size(); ++i) {
    bool again = std::count(output.begin(), output.end(), output[i]) > 1;
    require(!again && numbers.knows(output[i]), "einsum: subscripts of the ",
            "output must appear there once, and in an operand, got '",
            subscripts, "'");
  }
  equation.output = numbers.of(output);
  equation.sizes =
      sizes_of(equation.terms, numbers.count(), operands, subscripts);
  return equation;
}

namespace {

constexpr size_t kFew = 8;  // operands whose orders are all compared

// The best order is a tree: each set of operands is the best cut of it into two.
class Exhaustive {
 public:
  explicit Exhaustive(const Equation& equation)
      : equation_(equation), count_(equation.terms.size()) {
    size_t sets = size_t{1} << count_;
    labels_.resize(sets);
    costs_.resize(sets);
    cuts_.resize(sets);
    for (size_t set = 1; set < sets; ++set) {
      labels_[set] = seen_outside(set);
      if (!std::has_single_bit(set)) cut(set);
    }
  }

  Steps steps() {
    for (size_t k = 0; k < count_; ++k) left_.push_back(size_t{1} << k);
    emit((size_t{1} << count_) - 1);
    return std::move(steps_);
  }

 private:
  // The labels of what the operands of a set contract to. (Those of one operand
  // alone are all its own.)
  Set seen_outside(size_t set) const {
    Set inside = 0, outside = set_of(equation_.output);
    for (size_t k = 0; k < count_; ++k) {
      (set >> k & 1 ? inside : outside) |= set_of(equation_.terms[k]);
    }
    return std::has_single_bit(set) ? inside : inside & outside;
  }

  void cut(size_t set) {
    costs_[set] = -1;
    for (size_t part = (set - 1) & set; part > 0; part = (part - 1) & set) {
      size_t rest = set ^ part;
      if (part < rest) continue;
      double cost = costs_[part] + costs_[rest] +
                    equation_.size_of(labels_[part] | labels_[rest]);
      if (costs_[set] < 0 || cost < costs_[set]) {
        costs_[set] = cost;
        cuts_[set] = part;
      }
    }
  }

  void emit(size_t set) {
    if (std::has_single_bit(set)) return;
    size_t rest = set ^ cuts_[set];
    emit(rest);
    emit(cuts_[set]);
    steps_.push_back(std::minmax({take(rest), take(cuts_[set])}));
    auto [a, b] = steps_.back();
    left_.erase(left_.begin() + b);
    left_.erase(left_.begin() + a);
    left_.push_back(set);
  }

  int take(size_t set) const {
    auto at = std::find(left_.begin(), left_.end(), set);
    return static_cast<int>(at - left_.begin());
  }

  const Equation& equation_;
  size_t count_;
  std::vector<Set> labels_;
  std::vector<double> costs_;
  std::vector<size_t> cuts_;
  std::vector<size_t> left_;
  Steps steps_;
};

// Of all pairs the one that leaves least memory behind, again and again.
Steps greedy(const Equation& equation) {
  std::vector<Set> left;
  for (const Labels& term : equation.terms) left.push_back(set_of(term));
  Steps steps;
  while (left.size() > 1) {
    // How many of them hold each label; the output is one more.
    std::vector<int> uses(kLabels, 0);
    auto use = [&](Set set) {
      for (; set != 0; set &= set - 1) ++uses[std::countr_zero(set)];
    };
    use(set_of(equation.output));
    for (Set set : left) use(set);
    double least = 0;
    Set best = 0;
    std::pair<int, int> pair(-1, -1);
    for (size_t i = 0; i < left.size(); ++i) {
      for (size_t j = i + 1; j < left.size(); ++j) {
        Set both = left[i] & left[j], all = left[i] | left[j], kept = 0;
        for (Set rest = all; rest != 0; rest &= rest - 1) {
          int label = std::countr_zero(rest);
          if (uses[label] > (holds(both, label) ? 2 : 1)) kept |= rest & -rest;
        }
        double grows = equation.size_of(kept) - equation.size_of(left[i]) -
                       equation.size_of(left[j]);
        if (pair.first >= 0 && grows >= least) continue;
        least = grows;
        best = kept;
        pair = {static_cast<int>(i), static_cast<int>(j)};
      }
    }
    steps.push_back(pair);
    left.erase(left.begin() + pair.second);
    left.erase(left.begin() + pair.first);
    left.push_back(best);
  }
  return steps;
}

}  // namespace

Steps plan(const Equation& equation) {
  size_t count = equation.terms.size();
  if (count == 1) return {};
  if (count == 2) return {{0, 1}};
  return count <= kFew ? Exhaustive(equation).steps() : greedy(equation);
}

}  // namespace ingot::einsums
