// Runs a bare loop on several threads, and takes its time.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/limits.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <iterator>
#include <system_error>
#include <thread>

#include "csrc/cpu/elsewhere.h"
#include "csrc/error.h"

namespace ingot::cpu {
namespace {

using Clock = std::chrono::steady_clock;

// Threads claim parts as they become free, so that a busy core delays nobody.
constexpr int64_t kPart = 64 << 10;

int find(const std::string& name) {
  std::string names;
  for (int i = 0; i < kBareLoops; ++i) {
    if (kBareLoopKinds[i].name == name) return i;
    names += cat(i > 0 ? ", " : "", kBareLoopKinds[i].name);
  }
  throw ValueError(
      cat("bare_loop: name must be one of ", names, ", got ", name));
}

// Where threads wait for each other; the last one to come reads the clock. They
// spin, since nobody is away for longer than a part takes.
class Meeting {
 public:
  // Lets threads pass once it is known how many there are.
  void open(int threads) { threads_ = threads; }
  template <class F>
  void wait(F&& last) {
    while (threads_ == 0) std::this_thread::yield();
    int round = round_;
    if (++present_ == threads_) {
      present_ = 0;
      last();
      ++round_;
    }
    while (round_ == round) std::this_thread::yield();
  }

 private:
  std::atomic<int> threads_{0}, present_{0}, round_{0};
};

// Calls body(begin, end) for the parts of [0, n), in each of several passes;
// returns the mean seconds of a pass. The clock is read where all threads have
// arrived and none has left: neither making threads nor waking up is in it.
template <class F>
double in_passes(int64_t n, int threads, int passes, F&& body) {
  threads = static_cast<int>(std::min<int64_t>(threads, (n - 1) / kPart + 1));
  std::atomic<int64_t> next{0};
  Meeting meeting;
  Clock::time_point start, end;
  auto work = [&] {
    meeting.wait([&] { start = Clock::now(); });
    for (int i = 0; i < passes; ++i) {
      for (int64_t begin; (begin = next.fetch_add(kPart)) < n;) {
        body(begin, std::min(n, begin + kPart));
      }
      meeting.wait([&] {
        next = 0;
        end = Clock::now();
      });
    }
  };
  std::vector<std::thread> helpers;
  Elsewhere elsewhere;
  helpers.reserve(threads);
  try {
    while (std::ssize(helpers) < threads - 1) {
      elsewhere.add(helpers.emplace_back(work));
    }
  } catch (const std::system_error&) {
    // No more to be had: the loop runs on those that there are.
  }
  elsewhere.keep();
  meeting.open(static_cast<int>(helpers.size()) + 1);
  work();
  for (auto& helper : helpers) helper.join();
  return std::chrono::duration<double>(end - start).count() / passes;
}

}  // namespace

BareLoop::BareLoop(const std::string& name, int64_t elements, int threads)
    : kind_(find(name)), elements_(elements), threads_(threads) {
  require(elements > 0 && elements <= int64_t{1} << 40,
          "bare_loop: elements must be in [1, 2^40], got ", elements);
  require(threads > 0 && threads <= 256,
          "bare_loop: threads must be in [1, 256], got ", threads);
  for (int i = 0; i < kBareLoopKinds[kind_].streams; ++i) {
    streams_.push_back(
        allocator::allocate(elements * sizeof(float), "bare_loop"));
    auto* x = static_cast<float*>(streams_.back()->data);
    // By the same threads as later: they meet the page faults, and the memory
    // becomes theirs where there are several memories.
    in_passes(elements, threads, 1, [&](int64_t begin, int64_t end) {
      std::fill(x + begin, x + end, i == 1 ? 0.01f : 1.0f);
    });
  }
}

double BareLoop::run(int passes) {
  require(passes > 0, "bare_loop: passes must be positive, got ", passes);
  BareLoopKernel kernel = kernels().bare_loop[kind_];
  return in_passes(elements_, threads_, passes,
                   [&](int64_t begin, int64_t end) {
                     float* from[4];
                     for (size_t i = 0; i < streams_.size(); ++i) {
                       from[i] = static_cast<float*>(streams_[i]->data) + begin;
                     }
                     kernel(from, end - begin);
                   });
}

int64_t BareLoop::bytes() const {
  return elements_ * kBareLoopKinds[kind_].bytes;
}

}  // namespace ingot::cpu
