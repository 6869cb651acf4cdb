// Runs a kernel on numbers whose results are known.
// SPDX-License-Identifier: MIT
#include "csrc/metal/self_test.h"

#include <cmath>
#include <cstring>

#include "csrc/metal/encoder.h"
#include "csrc/metal/library.h"
#include "csrc/metal/upload.h"
#include "metal/args.h"

namespace ingot::metal {
namespace {

constexpr int kCases = 64;

// Numbers whose quotients and products are inexact.
std::vector<float> numbers() {
  std::vector<float> x;
  for (int i = 0; i < kCases; ++i) {
    float a = 1.0f + static_cast<float>(i) * 0.0371f;
    float b = 3.0f + static_cast<float>(i) * 0.7793f;
    x.insert(x.end(), {a, b, -a * b});  // fused, a * b + c would not be 0
  }
  return x;
}

bool same(float a, float b) { return std::memcmp(&a, &b, sizeof(a)) == 0; }

void add(std::string& list, const char* what) {
  list += list.empty() ? what : std::string(", ") + what;
}

SelfTest run() {
  bool tier2 = device()->argumentBuffersSupport() == MTL::ArgumentBuffersTier2;
  std::vector<float> x = numbers();
  Array in = uploaded(x);
  Array table = uploaded(std::vector<NormPiece>{{gpu_address(in), x.size()}});
  Array out = uploaded(std::vector<float>(kSelfTestResults * kCases));
  SelfTestArgs args = {kCases, tier2};
  Dispatch work = {.pipeline = pipeline("self_test", "self_test"),
                   .operands = {{in}, {table}, {out, true}},
                   .args = &args,
                   .args_size = sizeof(args),
                   .groups = 1,
                   .threads = kCases};
  if (tier2) work.addressed.push_back({in});
  bool wide = work.pipeline->threadExecutionWidth() == 32;
  int64_t since = encoder().begin();
  encoder().dispatch(work);
  auto failures = std::make_shared<Failures>();
  encoder().commit({since, [=](const Failures& f) { *failures = f; }, [] {}});
  encoder().wait_for(out);
  if (!failures->empty()) std::rethrow_exception(failures->back().error);
  bool division = true, root = true, separate = true, followed = tier2;
  for (size_t i = 0; i < kCases; ++i) {
    const float* result = out.data<float>() + kSelfTestResults * i;
    float a = x[3 * i], b = x[3 * i + 1], c = x[3 * i + 2];
    division = division && same(result[0], a / b);
    root = root && same(result[1], std::sqrt(a));
    separate = separate && same(result[2], a * b + c);
    followed = followed && same(result[3], a);
  }
  SelfTest seen = {division && root && separate, followed, wide, ""};
  if (!division) add(seen.failures, "division is not correctly rounded");
  if (!root) add(seen.failures, "sqrt is not correctly rounded");
  if (!separate) add(seen.failures, "products are fused with sums");
  if (!tier2) add(seen.failures, "no argument buffers of tier 2");
  if (tier2 && !followed) add(seen.failures, "addresses do not lead to memory");
  if (!wide) add(seen.failures, "simdgroups are not 32 wide");
  return seen;
}

}  // namespace

const SelfTest& self_test() {
  static const SelfTest* seen = new SelfTest(run());
  return *seen;
}

}  // namespace ingot::metal
