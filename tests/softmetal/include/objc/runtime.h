// Stands in for Apple's header: the types of the Objective-C runtime and the
// functions of it that metal-cpp calls.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

// Apple's name for the processor, which metal-cpp asks for.
#if defined(__aarch64__) && !defined(__arm64__)
#define __arm64__ 1
#endif

typedef struct objc_class* Class;
struct objc_object {
  Class isa;
};
typedef objc_object* id;
typedef const struct objc_selector* SEL;
typedef struct objc_protocol Protocol;
typedef signed char BOOL;

extern "C" {
SEL sel_registerName(const char* name);
Class objc_lookUpClass(const char* name);
Class objc_getClass(const char* name);
Protocol* objc_getProtocol(const char* name);
}
