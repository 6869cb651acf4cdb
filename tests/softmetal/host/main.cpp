// softmetal_host KERNELS CASE...: runs cases with the kernels of a source file,
// and checks that no object is left over.
// SPDX-License-Identifier: MIT
#include <fstream>
#include <sstream>

#include "host.h"

void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(1);
}

NS::String* string(const std::string& text) {
  return NS::String::string(text.c_str(), NS::UTF8StringEncoding);
}

Gpu::Gpu(const std::string& source) {
  Pool pool;
  device = TransferPtr(MTL::CreateSystemDefaultDevice());
  if (!device) return;
  queue = TransferPtr(device->newCommandQueue());
  auto options = TransferPtr(MTL::CompileOptions::alloc()->init());
  options->setFastMathEnabled(false);
  NS::Error* error = nullptr;
  library =
      TransferPtr(device->newLibrary(string(source), options.get(), &error));
  if (!library) fail(error->localizedDescription()->utf8String());
}

Pipeline Gpu::pipeline(const std::string& name,
                       MTL::FunctionConstantValues* constants) {
  Pool pool;
  NS::Error* error = nullptr;
  auto function = TransferPtr(
      constants ? library->newFunction(string(name), constants, &error)
                : library->newFunction(string(name)));
  if (!function) fail(name + ": no such kernel");
  auto made =
      TransferPtr(device->newComputePipelineState(function.get(), &error));
  if (!made) fail(error->localizedDescription()->utf8String());
  return made;
}

Buffer Gpu::buffer(size_t bytes, NS::UInteger options) {
  auto made = TransferPtr(device->newBuffer(bytes, options));
  CHECK(made.get() != nullptr);
  return made;
}

void set(MTL::ComputeCommandEncoder* encoder, const Pipeline& pipeline,
         const std::vector<Argument>& arguments) {
  encoder->setComputePipelineState(pipeline.get());
  NS::UInteger index = 0;
  for (const Argument& argument : arguments) {
    if (argument.bytes) {
      encoder->setBytes(argument.bytes, argument.at, index);
    } else {
      encoder->setBuffer(argument.buffer, argument.at, index);
    }
    ++index;
  }
}

void dispatch(MTL::ComputeCommandEncoder* encoder, size_t n, size_t group) {
  encoder->dispatchThreads(MTL::Size::Make(n, 1, 1),
                           MTL::Size::Make(group, 1, 1));
}

std::string run(Gpu& gpu, const Pipeline& pipeline, size_t n, size_t group,
                const std::vector<Argument>& arguments) {
  Pool pool;
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  set(encoder, pipeline, arguments);
  dispatch(encoder, n, group);
  encoder->endEncoding();
  buffer->commit();
  buffer->waitUntilCompleted();
  if (!buffer->error()) return "";
  CHECK(buffer->status() == MTL::CommandBufferStatusError);
  return buffer->error()->localizedDescription()->utf8String();
}

void finish(MTL::CommandBuffer* buffer) {
  buffer->commit();
  buffer->waitUntilCompleted();
  if (buffer->error()) {
    fail(buffer->error()->localizedDescription()->utf8String());
  }
  CHECK(buffer->status() == MTL::CommandBufferStatusCompleted);
}

std::vector<float> numbers(size_t n) {
  std::vector<float> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = float(i % 17) - 5.0f;
  return x;
}

std::map<std::string, Case>& cases() {
  static std::map<std::string, Case> all;
  return all;
}

int main(int argc, char** argv) {
  if (argc < 3) fail("usage: softmetal_host KERNELS CASE...");
  std::stringstream source;
  source << std::ifstream(argv[1]).rdbuf();
  {
    Gpu gpu(source.str());
    for (int i = 2; i < argc; ++i) {
      auto found = cases().find(argv[i]);
      if (found == cases().end()) fail(std::string("no case ") + argv[i]);
      Pool pool;
      found->second(gpu);
    }
  }
  if (softmetal_live() != 0) {
    softmetal_print_live();
    fail("objects are left over: " + std::to_string(softmetal_live()));
  }
}
