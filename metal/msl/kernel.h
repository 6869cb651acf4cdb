// Kernels for the types that the host asks for: it adds a line to a source, and
// INGOT_KERNEL_2(copy_flat, half, float) makes the kernel copy_flat_half_float.
// SPDX-License-Identifier: MIT
#pragma once

#define INGOT_INSTANCE(name, ...) \
  template [[host_name(name)]] [[kernel]] decltype(__VA_ARGS__) __VA_ARGS__;

// The name is made here: an argument that is handed on may first be replaced,
// should a type be a macro.
#define INGOT_KERNEL_1(name, a) INGOT_INSTANCE(#name "_" #a, name<a>)
#define INGOT_KERNEL_2(name, a, b) \
  INGOT_INSTANCE(#name "_" #a "_" #b, name<a, b>)
#define INGOT_KERNEL_3(name, a, b, c) \
  INGOT_INSTANCE(#name "_" #a "_" #b "_" #c, name<a, b, c>)
#define INGOT_KERNEL_4(name, a, b, c, d) \
  INGOT_INSTANCE(#name "_" #a "_" #b "_" #c "_" #d, name<a, b, c, d>)
#define INGOT_KERNEL_5(name, a, b, c, d, e) \
  INGOT_INSTANCE(#name "_" #a "_" #b "_" #c "_" #d "_" #e, name<a, b, c, d, e>)
