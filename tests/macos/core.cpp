// Runs the core without Python and writes its results to standard output, to be
// compared with another processor's: for each a line "name dtype elements", then
// the bytes. Matrix products, factors and Fourier transforms are left out: they are
// other libraries'.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <cstdlib>

#include "csrc/cpu/backend.h"
#include "csrc/ops.h"
#include "csrc/ops/random.h"
#include "csrc/ops/step.h"

namespace ingot {

// In place of the files of cpu/ that call BLAS or pocketfft, LEFT_OUT of arm64.py.
void cpu::CpuBackend::matmul(const Array&, const Array&, Array&, double,
                             double) {
  std::abort();
}
void cpu::CpuBackend::qr(const Array&, Array&, Array&) { std::abort(); }
void cpu::CpuBackend::convolve(const Convolution&, const Array&, const Array&,
                               Array&) {
  std::abort();
}
void cpu::CpuBackend::convolve_weight(const Convolution&, const Array&,
                                      const Array&, Array&) {
  std::abort();
}
void cpu::CpuBackend::attention(const Attention&, const AttentionInputs&,
                                Array&, Array&) {
  std::abort();
}
void cpu::CpuBackend::attention_vjp(const Attention&, const AttentionInputs&,
                                    const Array&, const Array&, const Array&,
                                    const AttentionGradients&) {
  std::abort();
}
void cpu::CpuBackend::gather_matmul(const char*, const Inputs&, Array&) {
  std::abort();
}
void cpu::CpuBackend::segmented_matmul(bool, const Array&, const Array&,
                                       const Array&, Array&) {
  std::abort();
}
void cpu::CpuBackend::quantized_matmul(const QuantizedProduct&, const Array&,
                                       const QuantizedMatrix&, Array&) {
  std::abort();
}
void cpu::CpuBackend::factorize(const Factorization&, const Inputs&, Outputs&) {
  std::abort();
}
void cpu::CpuBackend::fourier(const Fourier&, const Array&, Array&) {
  std::abort();
}

namespace {

constexpr int64_t kRows = 36, kColumns = 541, kSize = kRows * kColumns;

void show(const char* group, const char* name, Array x) {
  x = contiguous(x);
  eval({x});
  std::printf("%s.%s %s %lld\n", group, name, name_of(x.dtype()),
              static_cast<long long>(x.size()));
  std::fwrite(x.data(), 1, static_cast<size_t>(x.nbytes()), stdout);
}

Array bits(uint64_t seed) {
  return flatten(random::split(random::key(seed), kSize / 2));
}
// Every kind of float there is: NaN, infinities and subnormals among them.
Array any_floats(uint64_t seed) { return view(bits(seed), Dtype::float32); }
Array normals(uint64_t seed, Dtype dtype = Dtype::float32) {
  return random::normal(0.0, 1.0, {kSize}, dtype, random::key(seed));
}

void show_random() {
  Array key = random::key(7);
  Shape shape = {kSize};
  show("random", "uniform",
       random::uniform(-1.0, 3.0, shape, Dtype::float32, key));
  for (Dtype dtype : {Dtype::float32, Dtype::float16, Dtype::bfloat16}) {
    show("random.normal", name_of(dtype), normals(7, dtype));
  }
  show("random", "truncated",
       random::truncated_normal(-2.0, 2.0, shape, Dtype::float32, key));
  show("random", "randint",
       random::randint(-5.0, 1000.0, shape, Dtype::int32, key));
  show("random", "permutation", random::permutation(kSize, key));
}

void show_elementwise() {
  Array wild = any_floats(1), other = any_floats(2);
  Array tame = normals(3), second = normals(4);
  Array whole = view(bits(1), Dtype::int32),
        count = view(bits(2), Dtype::int32);
#define FLOAT_UNARY(name)               \
  show("unary.any", #name, name(wild)); \
  show("unary.normal", #name, name(tame));
#define INT_UNARY(name) show("unary.int", #name, name(whole));
#define FLOAT_BINARY(name)                      \
  show("binary.any", #name, name(wild, other)); \
  show("binary.normal", #name, name(tame, second));
#define INT_BINARY(name) show("binary.int", #name, name(whole, count));
#define UNARY_floating FLOAT_UNARY
#define UNARY_rounding FLOAT_UNARY
#define UNARY_test FLOAT_UNARY
#define UNARY_logical FLOAT_UNARY
#define UNARY_numeric(name) FLOAT_UNARY(name) INT_UNARY(name)
#define UNARY_integer INT_UNARY
#define BINARY_floating FLOAT_BINARY
#define BINARY_logical FLOAT_BINARY
#define BINARY_compare(name) FLOAT_BINARY(name) INT_BINARY(name)
#define BINARY_arithmetic(name) FLOAT_BINARY(name) INT_BINARY(name)
#define BINARY_integer INT_BINARY
#define UNARY(name, Functor, kind, doc) UNARY_##kind(name)
#define BINARY(name, Functor, kind, doc) BINARY_##kind(name)
#include "csrc/ops.def"
}

void show_casts() {
  Array wild = any_floats(1);
  for (int i = 0; i < kDtypes; ++i) {
    auto dtype = static_cast<Dtype>(i);
    show("cast", name_of(dtype), astype(wild, dtype));
  }
}

void show_reductions() {
  Array x = reshape(normals(5), {kRows, kColumns});
  const char* names[] = {"rows", "columns", "all"};
  Axes axes[] = {Shape{1}, Shape{0}, {}};
  for (int i = 0; i < 3; ++i) {
    show("sum", names[i], sum(x, axes[i]));
    show("prod", names[i], prod(x, axes[i]));
    show("max", names[i], max(x, axes[i]));
    show("mean", names[i], mean(x, axes[i]));
    show("var", names[i], var(x, axes[i]));
    show("softmax", names[i], softmax(x, axes[i]));
  }
  show("argmax", "rows", argmax(x, 1));
  show("argmin", "columns", argmin(x, 0));
  show("sort", "rows", sort(x));
  show("layer_norm", "rows", layer_norm(x, {}, {}, 1e-5));
  show("rms_norm", "rows", rms_norm(x, {}, 1e-5));
  show("norm", "all", global_norm({x, x}));
}

// Three steps of a rule, on parameters of a type and states of float32.
void show_step(const char* name, StepRule rule, Dtype dtype) {
  auto setting = [](const std::string& name) -> Array {
    if (name == "lr" || name == "eps") return Array::scalar(0.01);
    if (name == "bias_correction" || name == "nesterov") {
      return Array::scalar(1.0);
    }
    if (name == "step") return Array::scalar(7.0);
    return Array::scalar(0.875);
  };
  const RuleInfo& about = info(rule);
  Arrays settings;
  for (const std::string& name : about.settings) {
    settings.push_back(setting(name));
  }
  Arrays results = {normals(8, dtype)};
  for (size_t k = 0; k < about.slots.size(); ++k) {
    results.push_back(square(normals(10 + k)));
  }
  for (int i = 0; i < 3; ++i) {
    Inputs operands = {results[0], normals(9, dtype)};
    for (size_t k = 1; k < results.size(); ++k) operands.push_back(results[k]);
    results = step(rule, operands, settings);
  }
  for (size_t k = 0; k < results.size(); ++k) {
    std::string group = std::string("step.") + name_of(dtype) + "." + name;
    show(group.c_str(), std::to_string(k).c_str(), results[k]);
  }
}

void show_all() {
  show_random();
  show_elementwise();
  show_casts();
  show_reductions();
#define RULE(Type, name, slots, settings)           \
  show_step(#name, StepRule::Type, Dtype::float32); \
  show_step(#name, StepRule::Type, Dtype::bfloat16);
#include "metal/rules/rules.def"
}

}  // namespace
}  // namespace ingot

int main() {
  ingot::register_backend(ingot::DeviceType::cpu, *new ingot::cpu::CpuBackend);
  ingot::show_all();
}
