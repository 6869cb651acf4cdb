// Keeps helper threads off the core that their poster runs on.
// SPDX-License-Identifier: MIT
#pragma once

#include <thread>
#include <vector>

#if defined(__linux__)
#include <pthread.h>
#include <sched.h>
#endif

namespace ingot::cpu {

// Linux likes to wake a thread on its waker's core and moves it away only after
// milliseconds: until then a loop on two threads takes as long as on one.
class Elsewhere {
 public:
#if defined(__linux__)
  // A thread that outlives the calls of keep().
  void add(std::thread& helper) {
    helpers_.push_back(helper.native_handle());
    avoided_ = -1;
  }

  // Called by the poster before the helpers are to work. They may run wherever
  // it may, but where it runs now; if it has a single core, they stay as they
  // are.
  void keep() {
    int here = sched_getcpu();
    if (here == avoided_ || here < 0 || here >= CPU_SETSIZE) return;
    avoided_ = here;
    cpu_set_t cores;
    if (sched_getaffinity(0, sizeof(cores), &cores) != 0) return;
    CPU_CLR(here, &cores);
    if (CPU_COUNT(&cores) == 0) return;
    for (pthread_t helper : helpers_) {
      pthread_setaffinity_np(helper, sizeof(cores), &cores);
    }
  }

 private:
  std::vector<pthread_t> helpers_;
  int avoided_ = -1;
#else
  void add(std::thread&) {}
  void keep() {}
#endif
};

}  // namespace ingot::cpu
