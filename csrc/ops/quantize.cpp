// Numbers in few bits: what can be quantized, and how it comes back.
// SPDX-License-Identifier: MIT
#include "csrc/ops/quantize.h"

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <iterator>

#include "csrc/backend.h"
#include "csrc/ops/operators.h"
#include "csrc/saved.h"
#include "csrc/vmap.h"
#include "metal/quantize.h"

namespace ingot {
namespace {

// What a mode takes; the first group size and number of bits are the defaults.
struct Mode {
  const char* name;
  Quantization::Mode mode;
  std::initializer_list<int64_t> groups, bits;
};
constexpr Mode kModes[] = {
    {"affine", Quantization::affine, {64, 32, 128}, {4, 1, 2, 3, 5, 6, 8}},
    {"mxfp4", Quantization::mxfp4, {32}, {4}},
    {"mxfp8", Quantization::mxfp8, {32}, {8}},
    {"nvfp4", Quantization::nvfp4, {16}, {4}},
};

// In ascending order: "32, 64 or 128".
std::string listed(std::vector<int64_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  std::string text;
  for (size_t i = 0; i < numbers.size(); ++i) {
    bool last = i + 1 == numbers.size();
    text += cat(i == 0 ? "" : last ? " or " : ", ", numbers[i]);
  }
  return text;
}

int64_t choose(const char* name, const char* argument, const Mode& mode,
               std::initializer_list<int64_t> known,
               std::optional<int64_t> wish) {
  int64_t n = wish.value_or(*known.begin());
  require(std::find(known.begin(), known.end(), n) != known.end(), name, ": ",
          argument, " must be ", listed(known), " in mode ", mode.name,
          ", got ", n);
  return n;
}

Shape with_last(const Shape& shape, int64_t n) {
  Shape other = shape;
  other.back() = n;
  return other;
}

class Quantize final : public Op {
 public:
  explicit Quantize(const Quantization& how) : how_(how) {}
  const char* name() const override { return "quantize"; }
  std::optional<Saved> saved() const override {
    return Saved{name(), {how_.mode, how_.bits, how_.group}};
  }

  Spec spec(const Inputs& in, int64_t output) const override {
    const Array& w = in[0];
    int64_t n = w.shape().back();
    if (output == 0) {
      return {with_last(w.shape(), n * how_.bits / 32), Dtype::uint32};
    }
    bool affine = how_.mode == Quantization::affine;
    return {with_last(w.shape(), n / how_.group),
            affine ? w.dtype() : Dtype::uint8};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    for (Array& x : out) x.allocate();
    backend.quantize(how_, in[0], out[0], out[1],
                     out.size() > 2 ? &out[2] : nullptr);
  }

  Arrays vjp(const Inputs&, const Outputs&, const Arrays&,
             const std::vector<int>&) const override {
    throw ValueError(
        "quantize: no gradient passes, got an argument to differentiate by; "
        "stop_gradient() takes it as a constant");
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.in);
  }

 private:
  Quantization how_;
};

class Dequantize final : public Op {
 public:
  explicit Dequantize(const Quantization& how) : how_(how) {}
  const char* name() const override { return "dequantize"; }
  std::optional<Saved> saved() const override {
    return Saved{name(), {how_.mode, how_.bits, how_.group}};
  }

  void eval(Backend& backend, Inputs& in, Outputs& out) const override {
    out[0].allocate();
    backend.dequantize(how_, matrix_of(in, 0, how_), out[0]);
  }

  // It is linear in scales, by the codes, and in biases.
  Arrays vjp(const Inputs& in, const Outputs&, const Arrays& cotangents,
             const std::vector<int>& wanted) const override {
    const Array& dy = cotangents[0];
    Shape grouped = in[1].shape();
    grouped.push_back(how_.group);
    Arrays gradients;
    for (int i : wanted) {
      require(i > 0, "dequantize: w must not be differentiated by, got words ",
              "of codes");
      Array each = dy;
      if (i == 1) {
        Quantized codes = {in[0], ones(in[1].shape(), dy.dtype()),
                           zeros(in[2].shape(), dy.dtype())};
        each = dy * dequantize(codes, how_, dy.dtype());
      }
      gradients.push_back(
          astype(sum(reshape(each, grouped), Shape{-1}), in[i].dtype()));
    }
    return gradients;
  }

  Arrays vmap(const Batch& batch) const override {
    return batch.build(batch.along());
  }

 private:
  Quantization how_;
};

}  // namespace

const char* name_of(Quantization::Mode mode) {
  auto known = std::find_if(std::begin(kModes), std::end(kModes),
                            [mode](const Mode& m) { return m.mode == mode; });
  return known->name;
}

Quantization quantization(const char* name, const std::string& mode,
                          std::optional<int64_t> group,
                          std::optional<int64_t> bits) {
  for (const Mode& known : kModes) {
    if (mode != known.name) continue;
    int64_t g = choose(name, "group_size", known, known.groups, group);
    int64_t b = choose(name, "bits", known, known.bits, bits);
    return {known.mode, static_cast<int32_t>(b), g};
  }
  throw ValueError(cat(name, ": mode must be 'affine', 'mxfp4', 'mxfp8' or ",
                       "'nvfp4', got '", mode, "'"));
}

int64_t columns_of(const char* name, const Quantized& w,
                   const Quantization& how) {
  require<TypeError>(w.words.dtype() == Dtype::uint32, name,
                     ": w must have dtype uint32, got ", w.words.dtype());
  require(w.words.ndim() >= 2, name,
          ": w must have at least two dimensions, got shape ", w.words.shape());
  bool affine = how.mode == Quantization::affine;
  require(affine == static_cast<bool>(w.biases), name, ": biases must ",
          affine ? "be given in mode affine, got None"
                 : "be None but in mode affine, got an array");
  require<TypeError>(
      affine ? is_floating(w.scales.dtype()) && is_floating(w.biases.dtype())
             : w.scales.dtype() == Dtype::uint8,
      name, ": scales and biases must ",
      affine ? "have floating dtypes in mode affine"
             : "be uint8 and None but in mode affine",
      ", got ", w.scales.dtype(), " and ",
      w.biases ? cat(w.biases.dtype()) : "None");
  int64_t columns = w.words.shape().back() * 32 / how.bits;
  Shape shape = with_last(w.words.shape(), columns / how.group);
  bool fits = w.words.shape().back() * 32 == columns * how.bits &&
              columns % how.group == 0 && w.scales.shape() == shape &&
              (!affine || w.biases.shape() == shape);
  require(fits, name, ": scales and biases must have a number for each ",
          how.group, " of ", how.bits, " bits of w, got shapes ",
          w.words.shape(), ", ", w.scales.shape(), " and ",
          w.biases ? cat(w.biases.shape()) : "None");
  return columns;
}

Array nvfp4_factor(const char* name, const Quantization& how,
                   const Array& global_scale) {
  require(how.mode == Quantization::nvfp4, name,
          ": global_scale must be None but in mode nvfp4, got an array");
  require(global_scale.size() == 1 && is_floating(global_scale.dtype()), name,
          ": global_scale must be one float32 number, got shape ",
          global_scale.shape(), " of ", global_scale.dtype());
  int64_t largest = int64_t{kFp4Largest} * int64_t{kFp8Largest};
  return reshape(astype(global_scale, Dtype::float32), {}) /
         Array::scalar(largest, Dtype::float32);
}

Quantized quantize(const Array& w, const Quantization& how,
                   const Array& global_scale, const char* name,
                   const char* argument) {
  require<TypeError>(is_floating(w.dtype()), name, ": ", argument,
                     " must have a floating dtype, got ", w.dtype());
  require(w.ndim() >= 2 && w.shape().back() % how.group == 0, name, ": ",
          argument, " must have at least two dimensions, the last one ",
          "divisible by ", how.group, ", got shape ", w.shape());
  Array x = w;
  if (global_scale) {
    x = astype(w / nvfp4_factor(name, how, global_scale), w.dtype());
  }
  bool affine = how.mode == Quantization::affine;
  Arrays made =
      make_arrays(std::make_shared<Quantize>(how), affine ? 3 : 2, {x});
  return {made[0], made[1], affine ? made[2] : Array()};
}

Array dequantize(const Quantized& w, const Quantization& how,
                 std::optional<Dtype> dtype, const Array& global_scale) {
  int64_t columns = columns_of("dequantize", w, how);
  bool affine = how.mode == Quantization::affine;
  Dtype scales =
      affine ? promote(w.scales.dtype(), w.biases.dtype()) : Dtype::bfloat16;
  Dtype result = dtype.value_or(scales);
  require<TypeError>(is_floating(result),
                     "dequantize: dtype must be a floating one, got ", result);
  Inputs in = {w.words, w.scales};
  if (affine) {
    in[1] = astype(w.scales, scales);
    in.push_back(astype(w.biases, scales));
  }
  Dtype made = global_scale ? promote(result, Dtype::float32) : result;
  Array x =
      make_array(std::make_shared<Dequantize>(how),
                 with_last(w.words.shape(), columns), made, std::move(in));
  if (!global_scale) return x;
  return astype(x * nvfp4_factor("dequantize", how, global_scale), result);
}

}  // namespace ingot
