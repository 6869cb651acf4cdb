// Cases that Metal's validation layer would end, and so does the library: each
// with a message that says what was wrong.
// SPDX-License-Identifier: MIT
#include "host.h"

struct Encoding {
  Pool pool;
  Buffer x;
  Pipeline increment;
  MTL::CommandBuffer* buffer;
  MTL::ComputeCommandEncoder* encoder;

  explicit Encoding(Gpu& gpu)
      : x(gpu.buffer(256)),
        increment(gpu.pipeline("increment")),
        buffer(gpu.queue->commandBuffer()),
        encoder(buffer->computeCommandEncoder()) {
    set(encoder, increment, {x});
  }
};

CASE(released_too_often) {
  Buffer x = gpu.buffer(16);
  MTL::Buffer* raw = x.get();
  x = {};
  raw->release();
}

CASE(used_after_release) {
  Buffer x = gpu.buffer(16);
  MTL::Buffer* raw = x.get();
  x = {};
  raw->contents();
}

CASE(dispatch_after_end) {
  Encoding e(gpu);
  e.encoder->endEncoding();
  dispatch(e.encoder, 16);
}

CASE(two_encoders) {
  Encoding e(gpu);
  e.buffer->computeCommandEncoder();
}

CASE(committed_twice) {
  Encoding e(gpu);
  e.encoder->endEncoding();
  e.buffer->commit();
  e.buffer->commit();
}

CASE(committed_while_open) {
  Encoding e(gpu);
  e.buffer->commit();
}

CASE(encoder_never_ended) { Encoding e(gpu); }

CASE(unset_buffer) {
  Encoding e(gpu);
  e.encoder->setBuffer(nullptr, 0, 0);
  dispatch(e.encoder, 16);
}

CASE(buffer_too_small) {
  Encoding e(gpu);
  Pipeline scale = gpu.pipeline("scale");
  set(e.encoder, scale, {e.x, e.x, short(2)});
  dispatch(e.encoder, 16);
}

CASE(offset_past_end) {
  Encoding e(gpu);
  e.encoder->setBufferOffset(256, 0);
}

CASE(empty_grid) {
  Encoding e(gpu);
  dispatch(e.encoder, 0);
}

CASE(too_many_threads) {
  Encoding e(gpu);
  set(e.encoder, gpu.pipeline("limited"), {e.x});
  dispatch(e.encoder, 64, 65);
}

CASE(no_pipeline) {
  Pool pool;
  auto* buffer = gpu.queue->commandBuffer();
  dispatch(buffer->computeCommandEncoder(), 16);
}

CASE(odd_threadgroup_memory) {
  Encoding e(gpu);
  e.encoder->setThreadgroupMemoryLength(24, 0);
}

CASE(unset_threadgroup_memory) {
  Encoding e(gpu);
  Pipeline tree = gpu.pipeline("tree_sum");
  set(e.encoder, tree, {e.x, e.x});
  dispatch(e.encoder, 16);
}

CASE(too_many_bytes) {
  Encoding e(gpu);
  std::vector<char> bytes(4097);
  e.encoder->setBytes(bytes.data(), bytes.size(), 0);
}

CASE(fence_waited_for_after_update) {
  Encoding e(gpu);
  auto fence = TransferPtr(gpu.device->newFence());
  e.encoder->updateFence(fence.get());
  e.encoder->waitForFence(fence.get());
}

CASE(unknown_selector) {
  gpu.device->newRenderPipelineState(
      static_cast<MTL::RenderPipelineDescriptor*>(nullptr),
      static_cast<NS::Error**>(nullptr));
}
