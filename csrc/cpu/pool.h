// A small thread pool for loops: helpers claim chunks as they become free, so a
// core that is busy elsewhere delays nobody.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <type_traits>

namespace ingot::cpu {

// Threads that loops run on, the caller included. Set by INGOT_NUM_THREADS,
// else the number of cores this process may use.
int thread_count();
// Throws ValueError unless 1 <= threads <= 256.
void set_thread_count(int threads);

// Whether a kernel may stop between chunks when its eval is cancelled. One that
// writes over its own input may not: the input would be lost half-way.
enum class Interrupt : bool { no, yes };

namespace detail {
using Body = void (*)(void* context, int64_t begin, int64_t end);
void parallel_for(int64_t n, int64_t grain, Body body, void* context,
                  Interrupt interrupt);
}  // namespace detail

// Calls body(begin, end) for chunks of at most `grain` that cover [0, n), on
// several threads if there is more than one chunk. Chunk bounds depend on n and
// grain alone, so results do not depend on the number of threads. Rethrows the
// first exception of a body.
template <class F>
void parallel_for(int64_t n, int64_t grain, F&& body,
                  Interrupt interrupt = Interrupt::yes) {
  auto call = [](void* context, int64_t begin, int64_t end) {
    (*static_cast<std::remove_reference_t<F>*>(context))(begin, end);
  };
  detail::parallel_for(n, grain, call, &body, interrupt);
}

// Around fork(): the child starts without helpers and makes its own.
void lock_for_fork();
void unlock_after_fork(bool child);

}  // namespace ingot::cpu
