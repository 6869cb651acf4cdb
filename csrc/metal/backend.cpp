// What every family shares, and those without a kernel.
// SPDX-License-Identifier: MIT
#include "csrc/metal/backend.h"

#include <map>
#include <mutex>

#include "csrc/metal/encoder.h"
#include "csrc/metal/fallback.h"
#include "csrc/metal/memory.h"

namespace ingot::metal {
namespace {

struct Fallbacks {
  std::mutex mutex;
  std::map<std::string, int64_t> counts;
};
Fallbacks& all_fallbacks() {
  static auto* all = new Fallbacks;
  return *all;
}

}  // namespace

void count_fallback(const char* family) {
  std::lock_guard lock(all_fallbacks().mutex);
  ++all_fallbacks().counts[family];
}

std::map<std::string, int64_t> fallbacks() {
  std::lock_guard lock(all_fallbacks().mutex);
  return all_fallbacks().counts;
}

Counts counts() { return encoder().counts(); }
double busy_seconds() { return encoder().busy_seconds(); }

int64_t MetalBackend::begin() { return encoder().begin(); }
int64_t MetalBackend::asked() { return encoder().counts().dispatches; }
void MetalBackend::commit(Afterwards then) {
  encoder().commit(std::move(then));
}
void MetalBackend::await(const Array& x) { encoder().await(x); }
void MetalBackend::drain() { encoder().drain(); }

void MetalBackend::qr(const Array& x, Array& q, Array& r) {
  on_cpu("qr", {x, q, r}, [&](Backend& b) { b.qr(x, q, r); });
}

void MetalBackend::factorize(const Factorization& what, const Inputs& in,
                             Outputs& out) {
  Inputs arrays = in;
  for (const Array& y : out) arrays.push_back(y);
  on_cpu(what.name, arrays, [&](Backend& b) { b.factorize(what, in, out); });
}

void MetalBackend::fourier(const Fourier& what, const Array& x, Array& out) {
  on_cpu("fourier", {x, out}, [&](Backend& b) { b.fourier(what, x, out); });
}

void start(Backend& cpu) {
  if (!device()) return explain_no_gpu("there is no Metal device");
  allocator::set_source(memory_source());
  register_backend(DeviceType::gpu, *new MetalBackend(cpu));
}

}  // namespace ingot::metal
