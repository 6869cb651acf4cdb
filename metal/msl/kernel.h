// Kernels for the types that the host asks for: it adds a line to a source, and
// INGOT_KERNEL_2(copy_flat, half, float) makes the kernel copy_flat_half_float.
// SPDX-License-Identifier: MIT
#pragma once

// Each takes its arguments itself, since those handed on to another macro could
// be replaced before they become part of a name.
#define INGOT_KERNEL_1(name, a) \
  template [[host_name(#name "_" #a)]] [[kernel]] decltype(name<a>) name<a>;
#define INGOT_KERNEL_2(name, a, b) \
  template [[host_name(            \
      #name "_" #a "_" #b)]] [[kernel]] decltype(name<a, b>) name<a, b>;
#define INGOT_KERNEL_3(name, a, b, c) \
  template [[host_name(               \
      #name "_" #a "_" #b             \
            "_" #c)]] [[kernel]] decltype(name<a, b, c>) name<a, b, c>;
#define INGOT_KERNEL_4(name, a, b, c, d) \
  template [[host_name(                  \
      #name "_" #a "_" #b "_" #c         \
            "_" #d)]] [[kernel]] decltype(name<a, b, c, d>) name<a, b, c, d>;
#define INGOT_KERNEL_5(name, a, b, c, d, e)                        \
  template [[host_name(#name "_" #a "_" #b "_" #c "_" #d "_" #e)]] \
  [[kernel]] decltype(name<a, b, c, d, e>) name<a, b, c, d, e>;
