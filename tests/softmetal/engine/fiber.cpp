// The switch itself, for the two processors this library runs on: it saves the
// registers that a called function must preserve, and nothing else.
// SPDX-License-Identifier: MIT
#include "engine/fiber.h"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>
#include <new>

extern "C" void softmetal_switch(void** save, void* to);

#if defined(__x86_64__)

asm(R"(
  .text
  .globl softmetal_switch
  .hidden softmetal_switch
  .type softmetal_switch, @function
softmetal_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size softmetal_switch, . - softmetal_switch
)");

// Six registers, the address to return to, and a null for the entry function to
// find as its own return address: it then starts at 8 modulo 16, as a called
// function does.
constexpr size_t kFrameWords = 8;
constexpr size_t kEntryWord = 6;

#elif defined(__aarch64__)

asm(R"(
  .text
  .globl softmetal_switch
  .hidden softmetal_switch
  .type softmetal_switch, %function
softmetal_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size softmetal_switch, . - softmetal_switch
)");

// x30, the address to return to, lies 88 bytes up.
constexpr size_t kFrameWords = 20;
constexpr size_t kEntryWord = 11;

#else
#error "the software Metal runs on x86-64 and aarch64"
#endif

namespace softmetal {
namespace {

constexpr size_t kGuardSize = 64 << 10;  // a page, of any size in use

}  // namespace

Fiber::Fiber() {
  Unseen unseen;
  void* mapping = mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<char*>(mapping);
  mprotect(mapping_, kGuardSize, PROT_NONE);
  stack_ = mapping_ + kGuardSize;
}

Fiber::~Fiber() {
  Unseen unseen;
  unpoison(stack_, kStackSize);
  munmap(mapping_, kGuardSize + kStackSize);
}

void Fiber::prepare(Entry entry) {
  unpoison(stack_, kStackSize);
  uintptr_t frame[kFrameWords] = {};
  frame[kEntryWord] = reinterpret_cast<uintptr_t>(entry);
  char* top = stack_ + kStackSize - sizeof(frame);
  stack_pointer_ = top;
  auto* words = reinterpret_cast<volatile uintptr_t*>(top);
  for (size_t i = 0; i < kFrameWords; ++i) words[i] = frame[i];
}

void Fiber::enter() {
#if SOFTMETAL_ASAN
  __sanitizer_start_switch_fiber(&outside_fake_stack_, stack_, kStackSize);
#endif
  softmetal_switch(&outside_, stack_pointer_);
#if SOFTMETAL_ASAN
  __sanitizer_finish_switch_fiber(outside_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::entered() {
#if SOFTMETAL_ASAN
  __sanitizer_finish_switch_fiber(nullptr, &outside_bottom_, &outside_size_);
#endif
}

void Fiber::leave([[maybe_unused]] bool for_good) {
#if SOFTMETAL_ASAN
  void* fake_stack = nullptr;
  __sanitizer_start_switch_fiber(for_good ? nullptr : &fake_stack,
                                 outside_bottom_, outside_size_);
#endif
  softmetal_switch(&stack_pointer_, outside_);
#if SOFTMETAL_ASAN
  __sanitizer_finish_switch_fiber(fake_stack, &outside_bottom_, &outside_size_);
#endif
}

}  // namespace softmetal
