// One command encoder with concurrent dispatch; barriers only where memory is
// shared, fences between encoders.
// SPDX-License-Identifier: MIT
#include "csrc/metal/encoder.h"

#include <algorithm>
#include <stdexcept>

#include "csrc/cancel.h"
#include "csrc/error.h"
#include "csrc/metal/memory.h"

namespace ingot::metal {
namespace {

// A command buffer is handed over after so much, so that the GPU starts while
// the host still encodes.
constexpr int64_t kDispatches = 64;
constexpr int64_t kBytes = 256 << 20;

// The bytes between the first and the last element, both included.
Range reach(const Array& x) {
  auto begin = reinterpret_cast<uintptr_t>(x.data());
  if (x.size() == 0) return {begin, begin};
  uintptr_t end = begin + static_cast<uintptr_t>(x.itemsize());
  for (int64_t i = 0; i < x.ndim(); ++i) {
    int64_t span = (x.shape(i) - 1) * x.strides()[i] * x.itemsize();
    (span < 0 ? begin : end) += static_cast<uintptr_t>(span);
  }
  return {begin, end};
}

MTL::Size metal_size(const std::array<int64_t, 3>& n) {
  return MTL::Size::Make(static_cast<NS::UInteger>(n[0]),
                         static_cast<NS::UInteger>(n[1]),
                         static_cast<NS::UInteger>(n[2]));
}

size_t offset_of(const Array& x) {
  auto* start = static_cast<char*>(metal_buffer(*x->buffer)->contents());
  return static_cast<size_t>(x.data<char>() - start);
}

}  // namespace

uint64_t gpu_address(const Array& x) {
  return metal_buffer(*x->buffer)->gpuAddress() + offset_of(x);
}

Encoder& encoder() {
  static Encoder* encoder = new Encoder;
  return *encoder;
}

void Encoder::open() {
  if (encoder_) return;
  // Retained references: Metal holds the buffers until the work is done.
  commands_ = queue()->commandBuffer()->retain();
  encoder_ =
      commands_->computeCommandEncoder(MTL::DispatchTypeConcurrent)->retain();
  if (fence_) {
    encoder_->waitForFence(fence_);
  } else {
    fence_ = device()->newFence();
  }
  ++counts_.encoders;
}

void Encoder::order(const Dispatch& work) {
  bool conflict = false;
  auto check = [&](const std::vector<Operand>& operands) {
    for (const Operand& x : operands) {
      Range r = reach(x.array);
      conflict = conflict || (x.written ? hazards_.writing_conflicts(r)
                                        : hazards_.reading_conflicts(r));
    }
  };
  check(work.operands);
  check(work.addressed);
  if (conflict) {
    encoder_->memoryBarrier(MTL::BarrierScopeBuffers);
    hazards_.clear();
    ++counts_.barriers;
  }
  auto note = [&](const std::vector<Operand>& operands) {
    for (const Operand& x : operands) {
      Range r = reach(x.array);
      x.written ? hazards_.write(r) : hazards_.read(r);
      auto bytes = static_cast<int64_t>(r.end - r.begin);
      (x.written ? counts_.bytes_written : counts_.bytes_read) += bytes;
      pending_bytes_ += bytes;
      x.array->buffer->last_use.store(submitted_ + 1,
                                      std::memory_order_release);
    }
  };
  note(work.operands);
  note(work.addressed);
}

void Encoder::bind(const Operand& operand, int index) {
  encoder_->setBuffer(metal_buffer(*operand.array->buffer),
                      offset_of(operand.array),
                      static_cast<NS::UInteger>(index));
}

// What kernels reach by address is unmapped unless it is said here.
void Encoder::make_resident(const Dispatch& work) {
  std::vector<const MTL::Resource*> fresh;
  for (const Operand& x : work.addressed) {
    MTL::Buffer* buffer = metal_buffer(*x.array->buffer);
    if (resident_.insert(buffer).second) fresh.push_back(buffer);
  }
  if (fresh.empty()) return;
  encoder_->useResources(fresh.data(), fresh.size(),
                         MTL::ResourceUsageRead | MTL::ResourceUsageWrite);
}

void Encoder::dispatch(const Dispatch& work, Check check) {
  if (work.groups == 0) return;
  // Threadgroup positions are 32-bit numbers in the kernels.
  require(work.groups <= UINT32_MAX, "metal: a dispatch must have at most ",
          UINT32_MAX, " threadgroups, got ", work.groups);
  std::lock_guard lock(mutex_);
  Pool pool;
  open();
  order(work);
  encoder_->setComputePipelineState(work.pipeline);
  int index = 0;
  for (const Operand& x : work.operands) bind(x, index++);
  if (work.args) {
    encoder_->setBytes(work.args, work.args_size,
                       static_cast<NS::UInteger>(index++));
  }
  for (const Constant& bytes : work.constants) {
    encoder_->setBytes(bytes.data, bytes.size,
                       static_cast<NS::UInteger>(index++));
  }
  make_resident(work);
  if (work.grid) {
    encoder_->dispatchThreads(metal_size(work.grid->threads),
                              metal_size(work.grid->group));
  } else {
    encoder_->dispatchThreadgroups(metal_size({work.groups, 1, 1}),
                                   metal_size({work.threads, 1, 1}));
  }
  ++counts_.dispatches;
  if (check) checks_.push_back({std::move(check), counts_.dispatches});
  if (++pending_dispatches_ >= kDispatches || pending_bytes_ >= kBytes) {
    submit();
  }
}

void Encoder::close() {
  if (!encoder_) return;
  encoder_->updateFence(fence_);
  encoder_->endEncoding();
  encoder_->release();
  encoder_ = nullptr;
  hazards_.clear();
  resident_.clear();
  pending_dispatches_ = pending_bytes_ = 0;
}

// Holds mutex_.
void Encoder::submit(std::optional<Afterwards> then) {
  Pool pool;
  open();  // an empty one, too, completes after all before it
  close();
  ++counts_.command_buffers;
  auto work = std::make_shared<Work>(
      Work{++submitted_, submitted_dispatches_, counts_.dispatches,
           std::exchange(checks_, {}), std::move(then)});
  submitted_dispatches_ = work->last;
  commands_->addCompletedHandler([this, work](MTL::CommandBuffer* c) {
    note_time(c);
    bool failed = c->status() == MTL::CommandBufferStatusError;
    completed(*work, failed ? c->error() : nullptr);
  });
  commands_->commit();
  commands_->release();
  commands_ = nullptr;
}

// Where two overlap, the time counts once.
void Encoder::note_time(MTL::CommandBuffer* commands) {
  std::lock_guard lock(done_mutex_);
  double start = std::max(commands->GPUStartTime(), last_end_);
  last_end_ = std::max(commands->GPUEndTime(), last_end_);
  busy_seconds_ += std::max(last_end_ - start, 0.0);
}

// On a thread of Metal's: nothing may be thrown here.
void Encoder::completed(const Work& work, NS::Error* error) {
  Failures fresh;
  if (error) {
    fresh.push_back({work.first, work.last,
                     std::make_exception_ptr(std::runtime_error(
                         cat("metal: the GPU must complete its work, got: ",
                             describe(error))))});
  }
  for (const Checked& checked : work.checks) {
    if (error) break;
    std::exception_ptr wrong = checked.check();
    if (wrong) fresh.push_back({checked.dispatch - 1, checked.dispatch, wrong});
  }
  {
    std::lock_guard lock(done_mutex_);
    failures_.insert(failures_.end(), fresh.begin(), fresh.end());
  }
  if (work.then) settle(*work.then);
  {
    std::lock_guard lock(done_mutex_);
    allocator::set_completed(work.number);
  }
  done_.notify_all();
  if (work.then) work.then->announce();
}

// What follows failed work later finds its nodes failed: the list can forget.
void Encoder::settle(const Afterwards& then) {
  Failures failures;
  {
    std::lock_guard lock(done_mutex_);
    failures = failures_;
  }
  then.settle(failures);
  std::lock_guard lock(done_mutex_);
  begun_.erase(begun_.find(then.since));
  std::erase_if(failures_, [&](const Failure& f) {
    return begun_.empty() || f.last <= *begun_.begin();
  });
}

int64_t Encoder::begin() {
  std::scoped_lock lock(mutex_, done_mutex_);
  return *begun_.insert(counts_.dispatches);
}

void Encoder::commit(Afterwards then) {
  std::lock_guard lock(mutex_);
  submit(std::move(then));
}

void Encoder::wait_for(const Array& x) {
  uint64_t work = x->buffer->last_use.load(std::memory_order_acquire);
  if (work <= allocator::completed()) return;
  {
    std::lock_guard lock(mutex_);
    if (work > submitted_) submit();
  }
  std::unique_lock lock(done_mutex_);
  auto computed = [&] { return allocator::completed() >= work; };
  while (!done_.wait_for(lock, kPollInterval, computed)) {
    lock.unlock();
    throw_if_cancelled();
    lock.lock();
  }
}

void Encoder::await(const Array& x) {
  wait_for(x);
  std::lock_guard lock(done_mutex_);
  if (!failures_.empty() || x.status() == Status::failed) throw Cancelled();
}

void Encoder::drain() {
  uint64_t work;
  {
    std::lock_guard lock(mutex_);
    if (encoder_) submit();
    work = submitted_;
  }
  std::unique_lock lock(done_mutex_);
  done_.wait(lock, [&] { return allocator::completed() >= work; });
}

double Encoder::busy_seconds() {
  std::lock_guard lock(done_mutex_);
  return busy_seconds_;
}

Counts Encoder::counts() {
  std::lock_guard lock(mutex_);
  return counts_;
}

}  // namespace ingot::metal
