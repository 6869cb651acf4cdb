// A worker runs one thread after another on its stack; only where a thread
// waits does the next one need a stack of its own.
// SPDX-License-Identifier: MIT
#include "engine/threadgroup.h"

#include <algorithm>
#include <cstring>

namespace softmetal {
namespace {

// TSan drops a report whose earlier thread is gone, so that many are kept.
constexpr size_t kKeptHistories = 4000;

static_assert(GroupMemory::kLimit == 32768);
constexpr const char* kTooMuchMemory =
    "threadgroup memory must be at most 32768 bytes, got more";

unsigned& id(ThreadIds& ids, Source source, int axis = 0) {
  return ids.value[unsigned(source)][axis];
}

// splitmix64
uint64_t random_number(uint64_t& state) {
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

std::string place_of(unsigned site) {
  return "line " + std::to_string(site >> 8);
}

}  // namespace

Threadgroup::Threadgroup() = default;

Threadgroup::~Threadgroup() {
  for (History history : ended_) end_history(history);
}

Threadgroup& Threadgroup::current() {
  // Not in the thread's own storage, which TSan takes for written by it.
  static thread_local std::unique_ptr<Threadgroup> group;
  if (!group) {
    Unseen unseen;
    group = std::make_unique<Threadgroup>();
  }
  return *group;
}

void Threadgroup::begin_dispatch(const Dispatch& dispatch,
                                 const Ordering& ordering) {
  dispatch_ = &dispatch;
  ordering_ = &ordering;
  scheduler_history_ = current_history();
  enter_history(ordering.commit);
  dispatch_history_ = new_history();
  enter_history(dispatch_history_);
  for (const void* earlier : ordering.after) observe(earlier);
  publish(ordering.done);
  enter_history(scheduler_history_);
}

void Threadgroup::end_dispatch() {
  dispatch_ = nullptr;
  memory_.clear();
  end_history(dispatch_history_);
}

std::string Threadgroup::run(const unsigned position[3]) {
  error_.clear();
  place(position);
  for (unsigned i = 0; i < kSlots && error_.empty(); ++i) {
    unsigned length = dispatch_->threadgroup_length[i];
    if (length == 0) continue;
    arguments_.memory[i] = memory_.allocate(length, 16);
    if (!arguments_.memory[i]) note(kTooMuchMemory);
  }
  if (error_.empty()) start_threads();
  while (finished_ < threads_ && error_.empty()) {
    bool moved = false;
    for (unsigned s = 0; s < simdgroups_; ++s) moved |= release_simdgroup(s);
    if (!moved && !release_barrier()) note(divergence());
  }
  for (Worker* worker : waiting_) {
    if (!worker) continue;
    worker->state = State::idle;
    idle_.push_back(worker);
    if (kTsan) ended_.push_back(worker->history);
  }
  return error_;
}

// Sets up what all threads of the group have in common.
void Threadgroup::place(const unsigned position[3]) {
  const Dispatch& d = *dispatch_;
  ++serial_;
  arguments_ = d.arguments;
  memory_.clear();
  for (int axis = 0; axis < 3; ++axis) {
    position_[axis] = position[axis];
    unsigned left = d.grid[axis] - position[axis] * d.group[axis];
    size_[axis] = std::min(d.group[axis], left);
    id(ids_, Source::threads_per_grid, axis) = d.grid[axis];
    id(ids_, Source::threadgroup_position_in_grid, axis) = position[axis];
    id(ids_, Source::threads_per_threadgroup, axis) = size_[axis];
    id(ids_, Source::dispatch_threads_per_threadgroup, axis) = d.group[axis];
    id(ids_, Source::threadgroups_per_grid, axis) =
        (d.grid[axis] + d.group[axis] - 1) / d.group[axis];
  }
  threads_ = size_[0] * size_[1] * size_[2];
  simdgroups_ = (threads_ + kSimdWidth - 1) / kSimdWidth;
  id(ids_, Source::simdgroups_per_threadgroup) = simdgroups_;
  id(ids_, Source::threads_per_simdgroup) = kSimdWidth;
  next_ = finished_ = 0;
  waiting_.assign(threads_, nullptr);
  shuffle();
  if (kTsan) tokens_ = std::make_unique<uint64_t[]>(1 + simdgroups_);
}

void Threadgroup::shuffle() {
  if (order_.size() != threads_ || shuffled_) {
    order_.resize(threads_);
    for (unsigned i = 0; i < threads_; ++i) order_[i] = i;
  }
  shuffled_ = dispatch_->seed != 0;
  if (!shuffled_) return;
  uint64_t state = dispatch_->seed + serial_;
  for (unsigned i = threads_; i > 1; --i) {
    std::swap(order_[i - 1], order_[random_number(state) % i]);
  }
}

void Threadgroup::start_threads() {
  while (next_ < threads_ && error_.empty()) {
    Worker& worker = *take_worker();
    if (kTsan) worker.fiber.forget_stack();
    worker.fiber.prepare(worker_main);
    resume(worker);
  }
}

Worker* Threadgroup::take_worker() {
  if (idle_.empty()) {
    Unseen unseen;
    workers_.push_back(std::make_unique<Worker>());
    return workers_.back().get();
  }
  Worker* worker = idle_.back();
  idle_.pop_back();
  return worker;
}

void Threadgroup::worker_main() {
  Threadgroup& group = current();
  Worker& worker = *group.worker_;
  worker.fiber.entered();
  do {
    group.begin_thread(worker);
    group.dispatch_->kernel->run(&group.arguments_, &worker.ids);
    group.end_thread(worker);
    // TSan would take the next thread's use of this stack for a race.
  } while (!kTsan && group.next_ < group.threads_);
  worker.state = State::idle;
  worker.fiber.leave(true);
  __builtin_trap();
}

void Threadgroup::begin_thread(Worker& worker) {
  unsigned index = worker.index = order_[next_++];
  ThreadIds& ids = worker.ids;
  if (worker.ids_of != serial_) {
    ids = ids_;
    worker.ids_of = serial_;
  }
  unsigned row = index / size_[0];
  unsigned local[3] = {index % size_[0], row % size_[1], row / size_[1]};
  for (int axis = 0; axis < 3; ++axis) {
    id(ids, Source::thread_position_in_threadgroup, axis) = local[axis];
    id(ids, Source::thread_position_in_grid, axis) =
        position_[axis] * dispatch_->group[axis] + local[axis];
  }
  id(ids, Source::thread_index_in_threadgroup) = index;
  id(ids, Source::thread_index_in_simdgroup) = index % kSimdWidth;
  id(ids, Source::simdgroup_index_in_threadgroup) = index / kSimdWidth;
  if (kTsan) {
    enter_history(dispatch_history_);
    worker.history = new_history();
    enter_history(worker.history);
    std::string name = std::string(kernel_name()) + " thread " +
                       std::to_string(id(ids, Source::thread_position_in_grid));
    name_history(worker.history, name.c_str());
  }
}

void Threadgroup::end_thread(Worker& worker) {
  ++finished_;
  waiting_[worker.index] = nullptr;
  publish(ordering_->done);
  enter_history(scheduler_history_);
  if (!kTsan) return;
  Unseen unseen;
  ended_.push_back(worker.history);
  if (ended_.size() > kKeptHistories) {
    end_history(ended_.front());
    ended_.pop_front();
  }
}

void Threadgroup::resume(Worker& worker) {
  worker_ = &worker;
  if (worker.state != State::idle) enter_history(worker.history);
  worker.state = State::running;
  worker.fiber.enter();
  if (worker.state == State::idle) {
    idle_.push_back(&worker);
  } else {
    waiting_[worker.index] = &worker;
  }
}

void Threadgroup::wait(State state, unsigned site) {
  Worker& worker = *worker_;
  worker.state = state;
  worker.site = site;
  enter_history(scheduler_history_);
  worker.fiber.leave();
}

bool Threadgroup::release_simdgroup(unsigned simdgroup) {
  unsigned first = simdgroup * kSimdWidth;
  unsigned end = std::min(first + kSimdWidth, threads_);
  bool moved = false;
  while (error_.empty() && (release_exchange(first, end) ||
                            release_simdgroup_barrier(first, end))) {
    moved = true;
  }
  return moved;
}

// Lanes that diverged take part by the place they wait at, the earliest in the
// source first: the others may still be on their way to the later ones.
bool Threadgroup::release_exchange(unsigned first, unsigned end) {
  unsigned site = ~0u, mask = 0;
  for (unsigned t = first; t < end; ++t) {
    const Worker* w = waiting_[t];
    if (w && w->state == State::exchange) site = std::min(site, w->site);
  }
  std::memset(results_, 0xff, sizeof(results_));
  for (unsigned t = first; t < end; ++t) {
    const Worker* w = waiting_[t];
    if (!w || w->state != State::exchange || w->site != site) continue;
    mask |= 1u << (t - first);
    results_[t - first] = w->value;
  }
  if (mask == 0) return false;
  unsigned turn = unsigned(dispatch_->seed);
  for (unsigned i = 0; i < kSimdWidth; ++i) {
    unsigned lane = (i + turn) % kSimdWidth;
    if (!(mask >> lane & 1)) continue;
    Worker& worker = *waiting_[first + lane];
    worker.mask = mask;
    resume(worker);
  }
  return true;
}

bool Threadgroup::release_simdgroup_barrier(unsigned first, unsigned end) {
  for (unsigned t = first; t < end; ++t) {
    const Worker* w = waiting_[t];
    if (!w || w->state != State::simdgroup_barrier) return false;
    if (w->site != waiting_[first]->site) return false;
  }
  for (unsigned t = first; t < end; ++t) resume(*waiting_[t]);
  return true;
}

bool Threadgroup::release_barrier() {
  for (const Worker* w : waiting_) {
    if (!w || w->state != State::barrier) return false;
    if (w->site != waiting_[0]->site) return false;
  }
  for (unsigned t : order_) {
    if (error_.empty()) resume(*waiting_[t]);
  }
  return true;
}

std::string Threadgroup::divergence() const {
  unsigned at_barrier = 0, at_simdgroup = 0;
  std::vector<unsigned> sites;
  for (const Worker* w : waiting_) {
    if (!w) continue;
    ++(w->state == State::barrier ? at_barrier : at_simdgroup);
    sites.push_back(w->site);
  }
  std::sort(sites.begin(), sites.end());
  sites.erase(std::unique(sites.begin(), sites.end()), sites.end());
  std::string places;
  for (unsigned site : sites) {
    places += (places.empty() ? " (" : ", ") + place_of(site);
  }
  return "every thread of a threadgroup must reach the same barrier, got " +
         std::to_string(at_barrier) + " at a threadgroup_barrier, " +
         std::to_string(at_simdgroup) + " at a simdgroup_barrier and " +
         std::to_string(finished_) + " returned of " +
         std::to_string(threads_) + places + ")";
}

// --- what kernels call ---

void Threadgroup::barrier(unsigned flags, unsigned site) {
  void* token = kTsan ? &tokens_[0] : nullptr;
  if (flags) publish(token);
  wait(State::barrier, site);
  if (flags) observe(token);
}

void Threadgroup::simdgroup_barrier(unsigned flags, unsigned site) {
  void* token = kTsan ? &tokens_[1 + worker_->index / kSimdWidth] : nullptr;
  if (flags) publish(token);
  wait(State::simdgroup_barrier, site);
  if (flags) observe(token);
}

void Threadgroup::exchange(const Lane& mine, unsigned site, Exchange& result) {
  worker_->value = mine;
  wait(State::exchange, site);
  result = {results_, worker_->mask, lane()};
}

unsigned Threadgroup::lane() const { return worker_->index % kSimdWidth; }

void* Threadgroup::threadgroup_memory(unsigned size, unsigned align,
                                      unsigned declaration) {
  void* memory = memory_.variable(size, align, declaration);
  if (!memory) fail(kTooMuchMemory);
  return memory;
}

// The stack is dropped: nothing on it may own memory when it waits.
void Threadgroup::fail(const char* requirement) {
  note(requirement);
  wait(State::failed, 0);
  __builtin_trap();
}

// The first of a dispatch is its error.
void Threadgroup::note(const std::string& requirement) {
  Unseen unseen;
  if (error_.empty()) error_ = std::string(kernel_name()) + ": " + requirement;
}

}  // namespace softmetal
