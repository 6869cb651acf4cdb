// Cases of what a device refuses, and of failures that tests plan.
// SPDX-License-Identifier: MIT
#include <thread>

#include "host.h"

CASE(device_properties) {
  MTL::Device* d = gpu.device.get();
  CHECK(std::string(d->name()->utf8String()) == "Software Metal");
  CHECK(d->hasUnifiedMemory());
  CHECK(d->supportsFamily(MTL::GPUFamilyMetal3));
  CHECK(d->argumentBuffersSupport() == MTL::ArgumentBuffersTier2);
  CHECK(d->maxThreadsPerThreadgroup().width == 1024);
  CHECK(d->maxThreadgroupMemoryLength() == 32768);
  CHECK(d->maxBufferLength() == 8ull << 30);
  CHECK(d->registryID() != 0 && d->recommendedMaxWorkingSetSize() != 0);
  NS::UInteger before = d->currentAllocatedSize();
  Buffer x = gpu.buffer(100);
  x->setLabel(string("x"));
  CHECK(x->length() == 100);
  CHECK(d->currentAllocatedSize() == before + 100);
  CHECK(d->newBuffer(9ull << 30, kUntracked) == nullptr);
  CHECK(TransferPtr(MTL::CreateSystemDefaultDevice()).get() == d);
}

CASE(pipeline_properties) {
  Pipeline p = gpu.pipeline("increment"), q = gpu.pipeline("limited");
  CHECK(p->maxTotalThreadsPerThreadgroup() == 1024);
  CHECK(p->threadExecutionWidth() == 32);
  CHECK(q->maxTotalThreadsPerThreadgroup() == 64);
}

// With $SOFTMETAL_DEVICE=none, $SOFTMETAL_TIER=1, $SOFTMETAL_MAX_BUFFER=1000
// and $SOFTMETAL_MAX_THREADS=128.
CASE(no_device) { CHECK(MTL::CreateSystemDefaultDevice() == nullptr); }
CASE(small_device) {
  CHECK(gpu.device->argumentBuffersSupport() == MTL::ArgumentBuffersTier1);
  CHECK(gpu.device->maxBufferLength() == 1000);
  CHECK(gpu.device->newBuffer(1001, kUntracked) == nullptr);
  Pipeline p = gpu.pipeline("increment"), q = gpu.pipeline("limited");
  CHECK(p->maxTotalThreadsPerThreadgroup() == 128);
  CHECK(q->maxTotalThreadsPerThreadgroup() == 64);
}

CASE(compile_error) {
  NS::Error* error = nullptr;
  auto* library = gpu.device->newLibrary(
      string("#include <metal_stdlib>\n[[kernel]] void k(device float* x "
             "[[buffer(0)]]) {\n  x[0] = y;\n}\n"),
      nullptr, &error);
  CHECK(library == nullptr);
  std::string text = error->localizedDescription()->utf8String();
  CHECK(text.find("program_source:3") != std::string::npos);
  CHECK(error->code() != 0);
  CHECK(std::string(error->domain()->utf8String()) == "MTLLibraryErrorDomain");
}

// The file $LIBRARY, made of the same source.
CASE(library_of_a_file) {
  NS::Error* error = nullptr;
  auto* url = NS::URL::fileURLWithPath(string(std::getenv("LIBRARY")));
  auto library = TransferPtr(gpu.device->newLibrary(url, &error));
  if (!library) fail(error->localizedDescription()->utf8String());
  CHECK(library->newFunction(string("nothing")) == nullptr);
  gpu.library = library;
  Buffer x = gpu.of(std::vector<float>{1, 2, 3});
  CHECK(run(gpu, gpu.pipeline("increment"), 3, 3, {x}) == "");
  CHECK(data<float>(x)[2] == 4.0f);
}

CASE(unknown_function) {
  CHECK(gpu.library->newFunction(string("nothing")) == nullptr);
}

CASE(planned_failures) {
  softmetal_fail_next("buffer", "");
  CHECK(gpu.device->newBuffer(64, kUntracked) == nullptr);
  Buffer x = gpu.buffer(64);
  NS::Error* error = nullptr;
  softmetal_fail_next("library", "no library today");
  CHECK(!gpu.device->newLibrary(string(""), nullptr, &error));
  CHECK(std::string(error->localizedDescription()->utf8String()) ==
        "no library today");
  auto function = TransferPtr(gpu.library->newFunction(string("increment")));
  auto* url = NS::URL::fileURLWithPath(string("/nowhere"));
  softmetal_fail_next("library", "no file today");
  CHECK(!gpu.device->newLibrary(url, &error));
  CHECK(std::string(error->localizedDescription()->utf8String()) ==
        "no file today");
  softmetal_fail_next("pipeline", "no pipeline today");
  CHECK(!gpu.device->newComputePipelineState(function.get(), &error));
  Pipeline p = gpu.pipeline("increment");
  softmetal_fail_next("command buffer", "the GPU is gone");
  CHECK(run(gpu, p, 16, 16, {x}) == "the GPU is gone");
  CHECK(data<float>(x)[0] == 0.0f);
  CHECK(run(gpu, p, 16, 16, {x}) == "");
}

CASE(capture) {
  NS::Error* error = nullptr;
  auto* manager = MTL::CaptureManager::sharedCaptureManager();
  auto descriptor = TransferPtr(MTL::CaptureDescriptor::alloc()->init());
  CHECK(!manager->startCapture(descriptor.get(), &error));
  std::string text = error->localizedDescription()->utf8String();
  CHECK(text.find("not supported") != std::string::npos);
}

CASE(leaks_are_counted) {
  softmetal_reset_counts();
  NS::String* name = nullptr;
  std::thread([&] { name = gpu.device->name(); }).join();  // has no pool
  CHECK(softmetal_count("leaks") == 1);
  name->release();
}

void print_error(Gpu& gpu, const char* kernel, size_t n, size_t group) {
  Buffer x = gpu.buffer(1024);
  std::string error = run(gpu, gpu.pipeline(kernel), n, group, {x});
  std::printf("%s\n", error.c_str());
}

CASE(divergent) { print_error(gpu, "divergent", 64, 32); }
CASE(two_barriers) { print_error(gpu, "two_barriers", 64, 32); }
CASE(too_much_memory) { print_error(gpu, "too_much_memory", 32, 32); }
CASE(partial_product) { print_error(gpu, "partial_product", 32, 32); }
CASE(no_barrier) { print_error(gpu, "no_barrier", 256, 256); }
CASE(weak_barrier) { print_error(gpu, "weak_barrier", 256, 256); }
CASE(shared_sum) { print_error(gpu, "shared_sum", 64, 32); }
CASE(misaligned) { print_error(gpu, "misaligned", 2, 2); }
CASE(write_past_threadgroup) {
  print_error(gpu, "write_past_threadgroup", 32, 32);
}
CASE(uninitialized) {
  Buffer x = gpu.buffer(4);
  CHECK(run(gpu, gpu.pipeline("uninitialized"), 1, 1, {x}) == "");
  CHECK(data<float>(x)[0] != data<float>(x)[0]);
}
CASE(shift_too_far) {
  Buffer x = gpu.of<unsigned>({40});
  run(gpu, gpu.pipeline("shift_too_far"), 1, 1, {x});
}
