// Cases of what comes before what: barriers, encoders, fences, events, tracked
// buffers, handlers; and with one of them missing.
// SPDX-License-Identifier: MIT
#include <functional>
#include <memory>
#include <thread>

#include "host.h"

constexpr size_t kThreads = 128;

// x = 0, then + 1, then * 2, ten times over: 2046, if all goes in order.
constexpr float kInOrder = 2046.0f;

struct Chain {
  Gpu& gpu;
  Buffer x;
  Pipeline increment = gpu.pipeline("increment");
  Pipeline twice = gpu.pipeline("twice");

  explicit Chain(Gpu& gpu, NS::UInteger options = kUntracked)
      : gpu(gpu), x(gpu.of(std::vector<float>(kThreads), options)) {}

  void step(MTL::ComputeCommandEncoder* encoder, int i) {
    set(encoder, i % 2 ? twice : increment, {x});
    dispatch(encoder, kThreads);
  }
  bool in_order() const {
    for (size_t i = 0; i < kThreads; ++i) {
      if (data<float>(x)[i] != kInOrder) return false;
    }
    return true;
  }
};

using Between = std::function<void(MTL::ComputeCommandEncoder*)>;

void one_encoder(Chain& chain, MTL::DispatchType type, const Between& between) {
  Pool pool;
  auto* buffer = chain.gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder(type);
  for (int i = 0; i < 20; ++i) {
    chain.step(encoder, i);
    between(encoder);
  }
  encoder->endEncoding();
  finish(buffer);
}

void many_encoders(Chain& chain, const Between& before, const Between& after) {
  Pool pool;
  auto* buffer = chain.gpu.queue->commandBuffer();
  for (int i = 0; i < 20; ++i) {
    auto* encoder = buffer->computeCommandEncoder(MTL::DispatchTypeConcurrent);
    before(encoder);
    chain.step(encoder, i);
    after(encoder);
    encoder->endEncoding();
  }
  finish(buffer);
}

void nothing(MTL::ComputeCommandEncoder*) {}

CASE(serial_encoder) {
  Chain chain(gpu);
  one_encoder(chain, MTL::DispatchTypeSerial, nothing);
  CHECK(chain.in_order());
}

CASE(barriers) {
  Chain chain(gpu);
  softmetal_reset_counts();
  one_encoder(chain, MTL::DispatchTypeConcurrent, [](auto* encoder) {
    encoder->memoryBarrier(MTL::BarrierScopeBuffers);
  });
  CHECK(chain.in_order());
  CHECK(softmetal_count("barriers") == 20);
  CHECK(softmetal_count("dispatches") == 20);
  CHECK(softmetal_count("encoders") == 1);
  CHECK(softmetal_count("command_buffers") == 1);
}

CASE(resource_barriers) {
  Chain chain(gpu);
  one_encoder(chain, MTL::DispatchTypeConcurrent, [&](auto* encoder) {
    const MTL::Resource* resources[] = {chain.x.get()};
    encoder->memoryBarrier(resources, 1);
  });
  CHECK(chain.in_order());
}

CASE(barriers_of_another_resource) {
  Chain chain(gpu);
  Buffer other = gpu.buffer(16);
  one_encoder(chain, MTL::DispatchTypeConcurrent, [&](auto* encoder) {
    const MTL::Resource* resources[] = {other.get()};
    encoder->memoryBarrier(resources, 1);
  });
  std::printf("in order: %d\n", chain.in_order());
}

CASE(no_barriers) {
  Chain chain(gpu);
  one_encoder(chain, MTL::DispatchTypeConcurrent, nothing);
  std::printf("in order: %d\n", chain.in_order());
}

CASE(fences) {
  Chain chain(gpu);
  auto fence = TransferPtr(gpu.device->newFence());
  many_encoders(
      chain, [&](auto* encoder) { encoder->waitForFence(fence.get()); },
      [&](auto* encoder) { encoder->updateFence(fence.get()); });
  CHECK(chain.in_order());
}

// Updated before the dispatch, a fence does not stand for it.
CASE(early_fences) {
  Chain chain(gpu);
  auto fence = TransferPtr(gpu.device->newFence());
  many_encoders(
      chain,
      [&](auto* encoder) {
        encoder->waitForFence(fence.get());
        encoder->updateFence(fence.get());
      },
      nothing);
  std::printf("in order: %d\n", chain.in_order());
}

CASE(no_fences) {
  Chain chain(gpu);
  many_encoders(chain, nothing, nothing);
  std::printf("in order: %d\n", chain.in_order());
}

CASE(tracked_buffers) {
  Chain chain(gpu, kTracked);
  many_encoders(chain, nothing, nothing);
  CHECK(chain.in_order());
}

// Two command buffers of one queue, with or without a fence between them.
void two_command_buffers(Gpu& gpu, bool fenced) {
  Pool pool;
  Chain chain(gpu);
  auto fence = TransferPtr(gpu.device->newFence());
  MTL::CommandBuffer* last = nullptr;
  for (int i = 0; i < 2; ++i) {
    last = gpu.queue->commandBuffer();
    auto* encoder = last->computeCommandEncoder();
    if (fenced) encoder->waitForFence(fence.get());
    chain.step(encoder, i);
    if (fenced) encoder->updateFence(fence.get());
    encoder->endEncoding();
    if (i == 0) last->commit();
  }
  finish(last);
  CHECK(data<float>(chain.x)[7] == 2.0f);
}

CASE(fenced_command_buffers) { two_command_buffers(gpu, true); }
CASE(unfenced_command_buffers) { two_command_buffers(gpu, false); }

// One queue signals what the other waits for, and the host waits in between.
CASE(events) {
  Pool pool;
  Chain chain(gpu);
  auto event = TransferPtr(gpu.device->newSharedEvent());
  auto other = TransferPtr(gpu.device->newCommandQueue());
  MTL::CommandQueue* queues[] = {gpu.queue.get(), other.get()};
  MTL::CommandBuffer* last = nullptr;
  for (int i = 0; i < 20; ++i) {
    last = queues[i % 2]->commandBuffer();
    last->encodeWait(event.get(), uint64_t(i));
    auto* encoder = last->computeCommandEncoder();
    chain.step(encoder, i);
    encoder->endEncoding();
    last->encodeSignalEvent(event.get(), uint64_t(i + 1));
    last->commit();
  }
  CHECK(event->waitUntilSignaledValue(20, 10000));
  CHECK(chain.in_order());
  last->waitUntilCompleted();
}

CASE(host_signals_event) {
  Pool pool;
  Chain chain(gpu);
  auto event = TransferPtr(gpu.device->newSharedEvent());
  auto* buffer = gpu.queue->commandBuffer();
  buffer->encodeWait(event.get(), 1);
  auto* encoder = buffer->computeCommandEncoder();
  chain.step(encoder, 0);
  encoder->endEncoding();
  buffer->commit();
  for (size_t i = 0; i < kThreads; ++i) data<float>(chain.x)[i] = 4.0f;
  event->setSignaledValue(1);
  buffer->waitUntilCompleted();
  CHECK(data<float>(chain.x)[3] == 5.0f);
}

CASE(completed_handlers) {
  Pool pool;
  Chain chain(gpu);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  chain.step(encoder, 0);
  encoder->endEncoding();
  auto seen = std::make_shared<float>(0.0f);
  for (int i = 0; i < 2; ++i) {
    buffer->addCompletedHandler([=, &chain](MTL::CommandBuffer* b) {
      CHECK(b->status() == MTL::CommandBufferStatusCompleted);
      *seen += data<float>(chain.x)[0];
    });
  }
  finish(buffer);
  CHECK(*seen == 2.0f);
  CHECK(seen.use_count() == 1);
}

// Reads the result while the kernel may still be at it.
CASE(early_read) {
  Pool pool;
  Chain chain(gpu);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  chain.step(encoder, 0);
  encoder->endEncoding();
  buffer->commit();
  volatile float value = data<float>(chain.x)[0];
  (void)value;
  buffer->waitUntilCompleted();
}

// Writes an argument after the commit.
CASE(late_write) {
  Pool pool;
  Chain chain(gpu);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  chain.step(encoder, 0);
  encoder->endEncoding();
  buffer->commit();
  data<float>(chain.x)[0] = 3.0f;
  buffer->waitUntilCompleted();
}

CASE(many_host_threads) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&gpu] {
      Chain chain(gpu);
      one_encoder(chain, MTL::DispatchTypeSerial, nothing);
      CHECK(chain.in_order());
    });
  }
  for (std::thread& thread : threads) thread.join();
}
