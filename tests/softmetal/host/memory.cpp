// Cases of addresses and residency.
// SPDX-License-Identifier: MIT
#include <sys/mman.h>

#include "host.h"

// As kernels see it.
struct Chunk {
  uint64_t w, g;
  unsigned n;
};

struct Tables {
  Buffer w[3], g[3], table;

  explicit Tables(Gpu& gpu) {
    std::vector<Chunk> rows;
    for (unsigned k = 0; k < 3; ++k) {
      unsigned n = 10 + 5 * k;
      w[k] = gpu.of(std::vector<float>(n, 3.0f));
      g[k] = gpu.of(std::vector<float>(n, float(k)));
      rows.push_back({w[k]->gpuAddress(), g[k]->gpuAddress(), n});
    }
    table = gpu.of(rows);
  }
};

CASE(table_of_chunks) {
  Pool pool;
  Tables t(gpu);
  auto* buffer = gpu.queue->commandBufferWithUnretainedReferences();
  auto* encoder = buffer->computeCommandEncoder();
  Pipeline pipeline = gpu.pipeline("chunks");
  set(encoder, pipeline, {t.table});
  const MTL::Resource* written[] = {t.w[0].get(), t.w[1].get(), t.w[2].get()};
  const MTL::Resource* read[] = {t.g[0].get(), t.g[1].get(), t.g[2].get()};
  encoder->useResources(written, 3,
                        MTL::ResourceUsageRead | MTL::ResourceUsageWrite);
  encoder->useResources(read, 3, MTL::ResourceUsageRead);
  encoder->dispatchThreads(MTL::Size::Make(20, 3, 1), MTL::Size::Make(8, 1, 1));
  encoder->endEncoding();
  finish(buffer);
  for (unsigned k = 0; k < 3; ++k) {
    for (unsigned i = 0; i < 10 + 5 * k; ++i) {
      CHECK(data<float>(t.w[k])[i] == 3.0f - float(k));
    }
  }
}

CASE(separate_addresses) {
  Buffer x = gpu.buffer(100);
  CHECK(x->gpuAddress() != uint64_t(x->contents()));
}

CASE(taken_pages) {
  Pool pool;
  constexpr size_t size = 4 * 4096;
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  auto* values = static_cast<float*>(pages);
  for (size_t i = 0; i < size / 4; ++i) values[i] = float(i);
  size_t given_back = 0;
  auto* given = &given_back;
  {
    auto x = TransferPtr(gpu.device->newBuffer(
        pages, size, kUntracked, ^(void* p, NS::UInteger length) {
          *given = p == pages ? length : 1;
        }));
    CHECK(x->contents() == pages);
    CHECK(run(gpu, gpu.pipeline("increment"), 1000, 100, {x}) == "");
    CHECK(values[999] == 1000.0f && values[1000] == 1000.0f);
  }
  CHECK(given_back == size);
  CHECK(values[0] == 1.0f);
  munmap(pages, size);
}

CASE(not_resident) {
  Tables t(gpu);
  run(gpu, gpu.pipeline("copy"), 10, 10, {t.table});
}

CASE(written_though_read_only) {
  Pool pool;
  Tables t(gpu);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  Pipeline pipeline = gpu.pipeline("write_source");
  set(encoder, pipeline, {t.table});
  encoder->useResource(t.g[0].get(), MTL::ResourceUsageRead);
  dispatch(encoder, 10);
  encoder->endEncoding();
  finish(buffer);
}

CASE(host_uses_gpu_address) {
  Buffer x = gpu.buffer(64);
  *reinterpret_cast<volatile float*>(x->gpuAddress()) = 1.0f;
}

CASE(freed_in_flight) {
  Pool pool;
  Pipeline pipeline = gpu.pipeline("increment");
  auto* buffer = gpu.queue->commandBufferWithUnretainedReferences();
  auto* encoder = buffer->computeCommandEncoder();
  {
    Buffer x = gpu.buffer(64);
    set(encoder, pipeline, {x});
    dispatch(encoder, 16);
    encoder->endEncoding();
  }
  finish(buffer);
}

CASE(write_past_end) {
  Buffer x = gpu.buffer(64 * 4);
  run(gpu, gpu.pipeline("write_past_end"), 80, 16, {x, 64u});
}

CASE(host_reads_past_end) {
  Buffer x = gpu.buffer(64 * 4);
  volatile float value = data<float>(x)[64];
  (void)value;
}
