// What the sanitizers must be told about fibers and about memory that changes
// hands; nothing at all in a build without them.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

#if SOFTMETAL_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#if SOFTMETAL_TSAN
#include <sys/mman.h>
extern "C" {
void* __tsan_get_current_fiber(void);
void* __tsan_create_fiber(unsigned flags);
void __tsan_destroy_fiber(void* fiber);
void __tsan_switch_to_fiber(void* fiber, unsigned flags);
void __tsan_set_fiber_name(void* fiber, const char* name);
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
void AnnotateIgnoreWritesBegin(const char* file, int line);
void AnnotateIgnoreWritesEnd(const char* file, int line);
void AnnotateIgnoreSyncBegin(const char* file, int line);
void AnnotateIgnoreSyncEnd(const char* file, int line);
}
#endif

namespace softmetal {

#if SOFTMETAL_TSAN

constexpr bool kTsan = true;

// One history of accesses, as TSan sees it: a GPU thread has its own, whichever
// stack and system thread it runs on.
using History = void*;

inline History current_history() { return __tsan_get_current_fiber(); }
// Starts after all that the current history has done.
inline History new_history() { return __tsan_create_fiber(0); }
inline void name_history(History h, const char* name) {
  __tsan_set_fiber_name(h, name);
}
inline void end_history(History h) { __tsan_destroy_fiber(h); }
// Without ordering one history after the other.
inline void enter_history(History h) { __tsan_switch_to_fiber(h, 1); }

inline void observe(const void* token) {
  __tsan_acquire(const_cast<void*>(token));
}
inline void publish(const void* token) {
  __tsan_release(const_cast<void*>(token));
}

// Inside, locks and accesses that TSan intercepts (malloc, memcpy) are the
// runtime's own business: a lock of ours must not order the host's threads.
struct Unseen {
  Unseen() {
    AnnotateIgnoreReadsBegin("", 0);
    AnnotateIgnoreWritesBegin("", 0);
    AnnotateIgnoreSyncBegin("", 0);
  }
  ~Unseen() {
    AnnotateIgnoreSyncEnd("", 0);
    AnnotateIgnoreWritesEnd("", 0);
    AnnotateIgnoreReadsEnd("", 0);
  }
  Unseen(const Unseen&) = delete;
  Unseen& operator=(const Unseen&) = delete;
};

// Makes TSan forget who used this memory. The only exported way is to map it
// anew while accesses are ignored; its contents are lost.
inline void forget_accesses(void* memory, size_t size) {
  Unseen unseen;
  mmap(memory, size, PROT_READ | PROT_WRITE,
       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

#else

constexpr bool kTsan = false;

struct History {};
inline History current_history() { return {}; }
inline History new_history() { return {}; }
inline void name_history(History, const char*) {}
inline void end_history(History) {}
inline void enter_history(History) {}
inline void observe(const void*) {}
inline void publish(const void*) {}
struct Unseen {
  Unseen() {}
};
inline void forget_accesses(void*, size_t) {}

#endif

#if SOFTMETAL_ASAN
constexpr bool kAsan = true;
inline void poison(const void* memory, size_t size) {
  __asan_poison_memory_region(memory, size);
}
inline void unpoison(const void* memory, size_t size) {
  __asan_unpoison_memory_region(memory, size);
}
#else
constexpr bool kAsan = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
#endif

}  // namespace softmetal
