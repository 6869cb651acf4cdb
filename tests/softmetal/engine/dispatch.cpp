// The grid, group by group, and the functions that kernels reach the engine by.
// SPDX-License-Identifier: MIT
#include "engine/dispatch.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "engine/threadgroup.h"

namespace softmetal {
namespace {

void threadgroup_barrier(unsigned flags, unsigned site) {
  Threadgroup::current().barrier(flags, site);
}

void simdgroup_barrier(unsigned flags, unsigned site) {
  Threadgroup::current().simdgroup_barrier(flags, site);
}

void exchange(const Lane* mine, unsigned site, Exchange* result) {
  Threadgroup::current().exchange(*mine, site, *result);
}

unsigned lane() { return Threadgroup::current().lane(); }

void* threadgroup_memory(unsigned size, unsigned align, unsigned declaration) {
  return Threadgroup::current().threadgroup_memory(size, align, declaration);
}

void fail(const char* requirement) { Threadgroup::current().fail(requirement); }

// Apart from the scheduler: a signal handler asks on any thread.
thread_local const char* running = nullptr;

std::mutex sizes_mutex;
std::map<const Kernel*, unsigned> sizes;  // static threadgroup memory

void remember_size(const Kernel* kernel, unsigned size) {
  Unseen unseen;
  std::lock_guard lock(sizes_mutex);
  unsigned& known = sizes[kernel];
  if (size > known) known = size;
}

}  // namespace

const Hooks* hooks() {
  static const Hooks table = {threadgroup_barrier,
                              simdgroup_barrier,
                              exchange,
                              lane,
                              threadgroup_memory,
                              fail};
  return &table;
}

const char* running_kernel() { return running; }

unsigned static_threadgroup_memory(const Kernel* kernel) {
  Unseen unseen;
  std::lock_guard lock(sizes_mutex);
  auto found = sizes.find(kernel);
  return found == sizes.end() ? 0 : found->second;
}

std::string run(const Dispatch& dispatch, const Ordering& ordering) {
  Threadgroup& group = Threadgroup::current();
  group.begin_dispatch(dispatch, ordering);
  running = dispatch.kernel->name;
  unsigned groups[3];
  for (int axis = 0; axis < 3; ++axis) {
    groups[axis] =
        (dispatch.grid[axis] + dispatch.group[axis] - 1) / dispatch.group[axis];
  }
  std::string error;
  uint64_t count = uint64_t(groups[0]) * groups[1] * groups[2];
  unsigned static_memory = 0;
  for (uint64_t i = 0; i < count && error.empty(); ++i) {
    uint64_t row = i / groups[0];
    unsigned position[3] = {unsigned(i % groups[0]), unsigned(row % groups[1]),
                            unsigned(row / groups[1])};
    error = group.run(position);
    static_memory = std::max(static_memory, group.static_memory());
  }
  if (static_memory > 0) remember_size(dispatch.kernel, static_memory);
  running = nullptr;
  group.end_dispatch();
  return error;
}

void run_nothing([[maybe_unused]] const Ordering& ordering) {
#if SOFTMETAL_TSAN
  History own = current_history();
  enter_history(ordering.commit);
  History history = new_history();
  enter_history(history);
  for (const void* earlier : ordering.after) observe(earlier);
  publish(ordering.done);
  enter_history(own);
  end_history(history);
#endif
}

}  // namespace softmetal
