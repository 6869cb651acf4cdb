// Bare loops that move the same bytes as a step, on huge pages: what the
// machine allows. Built by common.py for the processor it runs on.
// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include <algorithm>
#include <barrier>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <thread>
#include <vector>

namespace {

float* pages(int64_t n) {
  constexpr size_t kHuge = 2 << 20;
  size_t bytes = (n * sizeof(float) + kHuge - 1) / kHuge * kHuge + kHuge;
  void* base = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto start = (reinterpret_cast<uintptr_t>(base) + kHuge - 1) / kHuge * kHuge;
#if defined(MADV_HUGEPAGE)
  madvise(reinterpret_cast<void*>(start), bytes - kHuge, MADV_HUGEPAGE);
#endif
  return reinterpret_cast<float*>(start);  // for the life of the process
}

struct Adamw {
  int64_t n;
  float *w = pages(n), *g = pages(n), *m = pages(n), *v = pages(n);

  void fill(int64_t begin, int64_t end) {
    std::fill(w + begin, w + end, 1.0f);
    std::fill(g + begin, g + end, 0.01f);
    std::fill(m + begin, m + end, 0.0f);
    std::fill(v + begin, v + end, 0.0f);
  }

  void step(int64_t begin, int64_t end) {
    float* __restrict w = this->w;
    float* __restrict g = this->g;
    float* __restrict m = this->m;
    float* __restrict v = this->v;
    for (int64_t i = begin; i < end; ++i) {
      m[i] = 0.9f * m[i] + 0.1f * g[i];
      v[i] = 0.999f * v[i] + 0.001f * g[i] * g[i];
      w[i] = 0.9999f * w[i] - 1e-3f * m[i] / (std::sqrt(v[i]) + 1e-8f);
    }
  }
};

// Each thread takes an equal part.
template <class F>
void in_parts(int64_t n, int threads, F&& f) {
  std::vector<std::thread> others;
  int64_t part = (n / threads + 15) / 16 * 16;
  for (int i = 1; i < threads; ++i) {
    int64_t begin = std::min(n, i * part);
    int64_t end = i + 1 == threads ? n : std::min(n, begin + part);
    others.emplace_back([&f, begin, end] { f(begin, end); });
  }
  f(int64_t{0}, threads == 1 ? n : std::min(n, part));
  for (auto& thread : others) thread.join();
}

}  // namespace

extern "C" void* adamw_new(int64_t n, int threads) {
  auto* loop = new Adamw{n};
  in_parts(n, threads, [&](int64_t b, int64_t e) { loop->fill(b, e); });
  return loop;
}

// The mean seconds of one of several steps.
extern "C" double adamw_run(void* state, int threads, int repeats) {
  auto* loop = static_cast<Adamw*>(state);
  std::barrier together(threads);
  auto start = std::chrono::steady_clock::now();
  in_parts(loop->n, threads, [&](int64_t begin, int64_t end) {
    for (int i = 0; i < repeats; ++i) {
      loop->step(begin, end);
      if (threads > 1) together.arrive_and_wait();
    }
  });
  std::chrono::duration<double> spent =
      std::chrono::steady_clock::now() - start;
  return spent.count() / repeats;
}
