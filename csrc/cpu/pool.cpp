// Helpers look out for a loop a little, then sleep until one is posted; the
// poster works along and then waits for those that took a chunk, never for
// those that did not wake up in time.
// SPDX-License-Identifier: MIT
#include "csrc/cpu/pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

#include "csrc/cancel.h"
#include "csrc/cpu/elsewhere.h"
#include "csrc/error.h"

namespace ingot::cpu {
namespace {

constexpr int kMaxThreads = 256;

// How long a thread looks out before it sleeps: to be woken takes a fourth of
// that, and programs post one loop shortly after the other.
constexpr auto kLookout = std::chrono::microseconds(200);

// Whether `done()` within that time.
template <class F>
bool look_out(F&& done) {
  auto end = std::chrono::steady_clock::now() + kLookout;
  do {
    for (int i = 0; i < 16; ++i) {
      if (done()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#elif defined(__aarch64__)
      asm volatile("yield");
#endif
    }
  } while (std::chrono::steady_clock::now() < end);
  return false;
}

int available_cores() {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) == 0) return CPU_COUNT(&set);
#endif
  return std::max(1u, std::thread::hardware_concurrency());
}

int initial_threads() {
  if (const char* text = std::getenv("INGOT_NUM_THREADS")) {
    return std::clamp(std::atoi(text), 1, kMaxThreads);
  }
  return std::clamp(available_cores(), 1, kMaxThreads);
}

struct Loop {
  Loop(detail::Body body, void* context, int64_t n, int64_t grain,
       const CancelScope* scope)
      : body(body), context(context), n(n), grain(grain), scope(scope) {}

  detail::Body body;
  void* context;
  int64_t n;
  int64_t grain;
  const CancelScope* scope;  // null where the loop may not be cut short
  std::atomic<int64_t> next{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  // Claims the next chunk and runs it; false when none is left.
  bool run_chunk() {
    if (scope && scope->cancelled()) return false;
    int64_t begin = next.fetch_add(grain, std::memory_order_relaxed);
    if (begin >= n) return false;
    try {
      body(context, begin, std::min(begin + grain, n));
    } catch (...) {
      stop(std::current_exception());
    }
    return true;
  }

  void stop(std::exception_ptr reason) {
    next = n;
    std::lock_guard lock(error_mutex);
    if (!error) error = std::move(reason);
  }
};

struct Pool {
  std::mutex posting;  // held by the thread whose loop the helpers serve
  std::mutex mutex;
  std::condition_variable wake;
  std::condition_variable idle;
  Loop* loop = nullptr;
  // Loops so far: a new one may lie where an old one lay. Written, as is the
  // next one, with the mutex held.
  std::atomic<uint64_t> posted = 0;
  std::atomic<int> working = 0;  // helpers inside `loop`
  int helpers = 0;
  Elsewhere elsewhere;
  std::atomic<int> threads{initial_threads()};

  void help() {
    std::unique_lock lock(mutex, std::defer_lock);
    for (uint64_t seen = 0;;) {
      look_out([&] { return posted != seen; });
      lock.lock();
      wake.wait(lock, [&] { return posted != seen; });
      seen = posted;
      Loop* current = loop;
      if (!current || working + 1 >= threads) {  // done, or by enough others
        lock.unlock();
        continue;
      }
      ++working;
      lock.unlock();
      while (current->run_chunk()) {
      }
      lock.lock();
      if (--working == 0) idle.notify_all();
      lock.unlock();
    }
  }

  void start_helpers() {
    try {
      for (; helpers < threads - 1; ++helpers) {
        std::thread helper([this] { help(); });
        elsewhere.add(helper);
        helper.detach();
      }
    } catch (const std::system_error&) {
      // The system gives no more threads: these have to do.
    }
  }
};

// Never destroyed: helpers may still sleep in it when the process exits. A
// forked child gets a new one, since its helpers do not exist.
Pool* pool = new Pool;

void run_alone(Loop& loop) {
  while (loop.run_chunk()) {
    if (loop.scope) throw_if_cancelled();
  }
}

void run_together(Loop& loop) {
  Pool& p = *pool;
  {
    std::unique_lock lock(p.mutex);
    p.start_helpers();
    p.elsewhere.keep();
    p.loop = &loop;
    ++p.posted;
  }
  p.wake.notify_all();
  try {
    run_alone(loop);
  } catch (...) {
    loop.stop(std::current_exception());
  }
  std::unique_lock lock(p.mutex);
  p.loop = nullptr;
  lock.unlock();
  look_out([&] { return p.working == 0; });
  lock.lock();
  p.idle.wait(lock, [&] { return p.working == 0; });
}

}  // namespace

int thread_count() { return pool->threads; }

void set_thread_count(int threads) {
  require(threads >= 1 && threads <= kMaxThreads,
          "set_num_threads: threads must be in [1, 256], got ", threads);
  pool->threads = threads;
}

void detail::parallel_for(int64_t n, int64_t grain, Body body, void* context,
                          Interrupt interrupt) {
  if (n <= 0) return;
  CancelScope* scope = CancelScope::current();
  if (n <= grain) {
    body(context, 0, n);
    return;
  }
  Loop loop(body, context, n, grain,
            interrupt == Interrupt::yes ? scope : nullptr);
  std::unique_lock posting(pool->posting, std::defer_lock);
  if (thread_count() > 1 && posting.try_lock()) {
    run_together(loop);
  } else {
    run_alone(loop);
  }
  if (loop.error) std::rethrow_exception(loop.error);
  if (loop.scope) scope->check();
}

void lock_for_fork() {
  pool->posting.lock();
  pool->mutex.lock();
}

void unlock_after_fork(bool child) {
  if (child) {
    int threads = pool->threads;
    pool = new Pool;
    pool->threads = threads;
    return;
  }
  pool->mutex.unlock();
  pool->posting.unlock();
}

}  // namespace ingot::cpu
