// Cases of what kernels compute, against plain loops.
// SPDX-License-Identifier: MIT
#include <algorithm>

#include "host.h"

CASE(elementwise) {
  for (size_t n : {1, 31, 64, 1000}) {
    Buffer x = gpu.of(numbers(n)), y = gpu.buffer(n * 4);
    CHECK(run(gpu, gpu.pipeline("scale"), n, 64, {x, y, 2.5f}) == "");
    for (size_t i = 0; i < n; ++i) {
      CHECK(data<float>(y)[i] == 2.5f * data<float>(x)[i]);
    }
  }
}

template <class T>
void check_sum(Gpu& gpu, const std::string& name, size_t n) {
  std::vector<T> x(n);
  for (size_t i = 0; i < n; ++i) x[i] = T(float(i % 5));
  unsigned group = 128, groups = unsigned((n + group - 1) / group);
  Buffer in = gpu.of(x), partial = gpu.buffer(groups * 4);
  CHECK(run(gpu, gpu.pipeline(name), groups * group, group,
            {in, partial, unsigned(n)}) == "");
  float total = 0, expected = 0;
  for (unsigned i = 0; i < groups; ++i) total += data<float>(partial)[i];
  for (T value : x) expected += float(value);
  CHECK(total == expected);
}

CASE(reductions) {
  for (size_t n : {1, 33, 128, 300}) {
    check_sum<float>(gpu, "sum_f32", n);
    check_sum<_Float16>(gpu, "sum_f16", n);
    check_sum<__bf16>(gpu, "sum_bf16", n);
  }
}

CASE(tree_reduction) {
  Pool pool;
  Buffer x = gpu.of(numbers(256)), partial = gpu.buffer(16);
  Pipeline pipeline = gpu.pipeline("tree_sum");
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  set(encoder, pipeline, {x, partial});
  encoder->setThreadgroupMemoryLength(64 * 4, 0);
  encoder->dispatchThreadgroups(MTL::Size::Make(4, 1, 1),
                                MTL::Size::Make(64, 1, 1));
  encoder->endEncoding();
  finish(buffer);
  for (int group = 0; group < 4; ++group) {
    float sum = 0;
    for (int i = 0; i < 64; ++i) sum += data<float>(x)[group * 64 + i];
    CHECK(data<float>(partial)[group] == sum);
  }
}

CASE(atomics) {
  std::vector<unsigned> x(100);
  unsigned bits = 0;
  for (unsigned i = 0; i < 100; ++i) {
    x[i] = i * 37;
    bits += unsigned(__builtin_popcount(x[i]));
  }
  Buffer in = gpu.of(x), total = gpu.of<unsigned>({0});
  Buffer sum = gpu.of<float>({0}), largest = gpu.of<int>({-5});
  Pipeline pipeline = gpu.pipeline("count_bits");
  CHECK(run(gpu, pipeline, 100, 32, {in, total, sum, largest}) == "");
  CHECK(*data<unsigned>(total) == bits);
  CHECK(*data<float>(sum) == 4950.0f);
  CHECK(*data<int>(largest) == 99 * 37);
}

CASE(function_constants) {
  Pool pool;
  Buffer x = gpu.buffer(32 * 4);
  auto value = [&](const Pipeline& pipeline) {
    CHECK(run(gpu, pipeline, 32, 32, {x}) == "");
    return data<unsigned>(x)[5];
  };
  auto constants = TransferPtr(MTL::FunctionConstantValues::alloc()->init());
  bool doubled = true;
  constants->setConstantValue(&doubled, MTL::DataTypeBool, NS::UInteger(0));
  Pipeline both = gpu.pipeline("specialized", constants.get());
  unsigned offset = 100;
  constants->setConstantValue(&offset, MTL::DataTypeUInt, NS::UInteger(1));
  Pipeline with_offset = gpu.pipeline("specialized", constants.get());
  CHECK(value(gpu.pipeline("specialized")) == 12);
  CHECK(value(with_offset) == 110);
  CHECK(value(both) == 17);
}

template <class T>
void check_product(Gpu& gpu, const std::string& name) {
  constexpr unsigned n = 16;
  std::vector<T> a(n * n), b(n * n);
  for (unsigned i = 0; i < n * n; ++i) {
    a[i] = T(float(i % 7) - 3.0f);
    b[i] = T(float(i % 5) - 2.0f);
  }
  Pool pool;
  Buffer x = gpu.of(a), y = gpu.of(b), z = gpu.buffer(n * n * 4);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  Pipeline pipeline = gpu.pipeline(name);
  set(encoder, pipeline, {x, y, z, n});
  encoder->dispatchThreadgroups(MTL::Size::Make(n / 8, n / 8, 1),
                                MTL::Size::Make(32, 1, 1));
  encoder->endEncoding();
  finish(buffer);
  for (unsigned i = 0; i < n; ++i) {
    for (unsigned j = 0; j < n; ++j) {
      float sum = 0;
      for (unsigned k = 0; k < n; ++k) {
        sum += float(a[i * n + k]) * float(b[j * n + k]);
      }
      CHECK(data<float>(z)[i * n + j] == sum);
    }
  }
}

CASE(matrix_product) {
  check_product<float>(gpu, "product_f32");
  check_product<_Float16>(gpu, "product_f16");
  check_product<__bf16>(gpu, "product_bf16");
}

CASE(vector_types) {
  Buffer x = gpu.of<float>({1, 2, 3, 4, 60, 70, 80, 90});
  Buffer h = gpu.buffer(16);
  CHECK(run(gpu, gpu.pipeline("vectors"), 2, 2, {x, h}) == "");
  float expected[] = {4, 2, 6, 2, -1, -1, -1, 2};
  float halves[] = {4.5f, 2.5f, 6.5f, 2.5f, 140.5f, 120.5f, 160.5f, 2.5f};
  for (int i = 0; i < 8; ++i) {
    CHECK(data<float>(x)[i] == expected[i]);
    CHECK(float(data<_Float16>(h)[i]) == halves[i]);
  }
}

static unsigned mixed(unsigned lane) { return (lane * 7 + 3) % 32; }

CASE(simd_functions) {
  constexpr unsigned n = 64, kinds = 17;
  Buffer out = gpu.buffer(n * kinds * 4);
  CHECK(run(gpu, gpu.pipeline("simd_functions"), n, n, {out}) == "");
  unsigned sum = 0, product = 1, conjunction = ~0u, parity = 0;
  unsigned before[33] = {};
  for (unsigned l = 0; l < 32; ++l) {
    sum += mixed(l);
    product *= mixed(l) % 3 + 1;
    conjunction &= mixed(l) | 8u;
    parity ^= mixed(l) * 3;
    before[l + 1] = before[l] + mixed(l);
  }
  for (unsigned i = 0; i < n; ++i) {
    unsigned l = i % 32;
    unsigned expected[kinds] = {sum,
                                product,
                                31,
                                5,
                                conjunction,
                                5,
                                parity,
                                before[l],
                                before[l + 1],
                                mixed(31 - l),
                                mixed(l < 3 ? l : l - 3),
                                mixed(l > 28 ? l : l + 3),
                                mixed(l ^ 5),
                                mixed(9),
                                mixed(0),
                                1,
                                0};
    for (unsigned k = 0; k < kinds; ++k) {
      CHECK(data<unsigned>(out)[i * kinds + k] == expected[k]);
    }
  }
}

CASE(diverging_simdgroups) {
  Buffer out = gpu.buffer(40 * 4);
  CHECK(run(gpu, gpu.pipeline("diverging_sums"), 40, 40, {out}) == "");
  CHECK(data<unsigned>(out)[0] == 20);
  CHECK(data<unsigned>(out)[20] == 1200);
  CHECK(data<unsigned>(out)[39] == 8);
}

CASE(grid_positions) {
  Pool pool;
  Buffer out = gpu.buffer(7 * 5 * 3 * 4);
  auto* buffer = gpu.queue->commandBuffer();
  auto* encoder = buffer->computeCommandEncoder();
  Pipeline pipeline = gpu.pipeline("positions");
  set(encoder, pipeline, {out});
  encoder->dispatchThreads(MTL::Size::Make(7, 5, 3), MTL::Size::Make(4, 2, 2));
  encoder->endEncoding();
  finish(buffer);
  for (int i = 0; i < 7 * 5 * 3; ++i) CHECK(data<unsigned>(out)[i] == 1);
}

CASE(local_arrays) {
  Buffer x = gpu.buffer(200 * 4);
  CHECK(run(gpu, gpu.pipeline("local_arrays"), 200, 50, {x}) == "");
  CHECK(data<float>(x)[123] == float(123 * 7 % 64));
}

// Prints the bits, for whoever compares them with those of another build.
CASE(contraction) {
  std::vector<float> x;
  for (int i = 0; i < 65; ++i) x.push_back(1.0f + float(i) * 1.1e-3f);
  Buffer in = gpu.of(x), out = gpu.buffer(64 * 4);
  CHECK(run(gpu, gpu.pipeline("contracted"), 64, 64, {in, out}) == "");
  int different = 0;
  for (int i = 0; i < 64; ++i) {
    volatile float square = x[i] * x[i];
    different += data<float>(out)[i] != square - x[i + 1];
  }
  std::printf("contracted: %d\n", different);
}

CASE(speed) {
  constexpr size_t n = 1 << 20;
  Buffer x = gpu.buffer(n * 4);
  Pipeline pipeline = gpu.pipeline("increment");
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    Pool pool;
    auto* buffer = gpu.queue->commandBuffer();
    auto* encoder = buffer->computeCommandEncoder();
    set(encoder, pipeline, {x});
    dispatch(encoder, n, 256);
    encoder->endEncoding();
    finish(buffer);
    best = std::min(best, buffer->GPUEndTime() - buffer->GPUStartTime());
  }
  std::printf("ns a thread: %.1f\n", best / n * 1e9);
}
