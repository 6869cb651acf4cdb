// objc_msgSend: finds the method and jumps to it, with every argument where the
// caller put it.
// SPDX-License-Identifier: MIT

#if defined(__x86_64__)

// A method that returns a struct gets its address first, hence the second form.
asm(R"(
  .macro SEND name, self, selector
  .text
  .globl \name
  .type \name, @function
\name:
  pushq %rbp
  movq %rsp, %rbp
  subq $192, %rsp
  andq $-16, %rsp
  movq %rdi, 0(%rsp)
  movq %rsi, 8(%rsp)
  movq %rdx, 16(%rsp)
  movq %rcx, 24(%rsp)
  movq %r8, 32(%rsp)
  movq %r9, 40(%rsp)
  movq %rax, 48(%rsp)
  movaps %xmm0, 64(%rsp)
  movaps %xmm1, 80(%rsp)
  movaps %xmm2, 96(%rsp)
  movaps %xmm3, 112(%rsp)
  movq \self, %rdi
  movq \selector, %rsi
  call softmetal_find_method@PLT
  movq %rax, %r11
  movq 0(%rsp), %rdi
  movq 8(%rsp), %rsi
  movq 16(%rsp), %rdx
  movq 24(%rsp), %rcx
  movq 32(%rsp), %r8
  movq 40(%rsp), %r9
  movq 48(%rsp), %rax
  movaps 64(%rsp), %xmm0
  movaps 80(%rsp), %xmm1
  movaps 96(%rsp), %xmm2
  movaps 112(%rsp), %xmm3
  leave
  jmp *%r11
  .size \name, . - \name
  .endm
  SEND objc_msgSend, 0(%rsp), 8(%rsp)
  SEND objc_msgSend_fpret, 0(%rsp), 8(%rsp)
  SEND objc_msgSend_stret, 8(%rsp), 16(%rsp)
)");

#elif defined(__aarch64__)

// x8 holds the address of a struct to return. The other two names exist for the
// linker alone.
asm(R"(
  .text
  .globl objc_msgSend
  .globl objc_msgSend_fpret
  .globl objc_msgSend_stret
  .type objc_msgSend, %function
objc_msgSend:
objc_msgSend_fpret:
objc_msgSend_stret:
  stp x29, x30, [sp, #-160]!
  mov x29, sp
  stp x0, x1, [sp, #16]
  stp x2, x3, [sp, #32]
  stp x4, x5, [sp, #48]
  stp x6, x7, [sp, #64]
  str x8, [sp, #80]
  stp q0, q1, [sp, #96]
  stp q2, q3, [sp, #128]
  bl softmetal_find_method
  mov x16, x0
  ldp x0, x1, [sp, #16]
  ldp x2, x3, [sp, #32]
  ldp x4, x5, [sp, #48]
  ldp x6, x7, [sp, #64]
  ldr x8, [sp, #80]
  ldp q0, q1, [sp, #96]
  ldp q2, q3, [sp, #128]
  ldp x29, x30, [sp], #160
  br x16
  .size objc_msgSend, . - objc_msgSend
)");

#else
#error "the software Metal runs on x86-64 and aarch64"
#endif
