// The runtime of blocks: copies to the heap the functions a host hands over,
// and the variables (__block) that they share with it.
// SPDX-License-Identifier: MIT
#include <atomic>
#include <cstdlib>
#include <cstring>

#include "runtime/objc.h"

namespace {

// The layouts and flags are those of the blocks ABI that clang generates for.
constexpr int kNeedsFree = 1 << 24;
constexpr int kHasCopy = 1 << 25;
constexpr int kIsGlobal = 1 << 28;
constexpr int kFieldIsByref = 8;
constexpr int kCountMask = 0xfffe;
constexpr int kOneReference = 2;

struct BlockDescriptor {
  unsigned long reserved, size;
  void (*copy)(void* to, const void* from);
  void (*dispose)(const void* block);
};

struct Block {
  void* isa;
  std::atomic<int> flags;
  int reserved;
  void (*invoke)(void*, ...);
  BlockDescriptor* descriptor;
};

struct Byref {
  void* isa;
  Byref* forwarding;
  std::atomic<int> flags;
  int size;
  void (*keep)(Byref* to, Byref* from);
  void (*destroy)(Byref*);
};

// A __block variable moves to the heap with the first block that is copied.
Byref* move_to_heap(Byref* from) {
  auto* to = static_cast<Byref*>(std::malloc(size_t(from->size)));
  std::memcpy(static_cast<void*>(to), from, size_t(from->size));
  // One reference for the block, one for the stack, which forwards to it.
  to->flags = (from->flags & ~0xffff) | kNeedsFree | 2 * kOneReference;
  to->forwarding = to;
  from->forwarding = to;
  if (from->flags & kHasCopy) from->keep(to, from);
  return to;
}

}  // namespace

SOFTMETAL_API {
  void* _NSConcreteStackBlock[32];
  void* _NSConcreteGlobalBlock[32];
}

SOFTMETAL_API void* _Block_copy(const void* block) {
  auto* from = static_cast<Block*>(const_cast<void*>(block));
  if (from->flags & kIsGlobal) return from;
  if (from->flags & kNeedsFree) {
    from->flags += kOneReference;
    return from;
  }
  auto* to = static_cast<Block*>(std::malloc(from->descriptor->size));
  std::memcpy(static_cast<void*>(to), from, from->descriptor->size);
  to->flags = (from->flags & ~0xffff) | kNeedsFree | kOneReference;
  if (from->flags & kHasCopy) from->descriptor->copy(to, from);
  return to;
}

SOFTMETAL_API void _Block_release(const void* block) {
  auto* b = static_cast<Block*>(const_cast<void*>(block));
  if (!b || !(b->flags & kNeedsFree)) return;
  if (((b->flags -= kOneReference) & kCountMask) != 0) return;
  if (b->flags & kHasCopy) b->descriptor->dispose(b);
  std::free(b);
}

SOFTMETAL_API void _Block_object_assign(void* to, const void* from, int flags) {
  if (!(flags & kFieldIsByref)) {
    *static_cast<const void**>(to) = from;
    return;
  }
  auto* byref = static_cast<Byref*>(const_cast<void*>(from))->forwarding;
  if (byref->flags & kNeedsFree) {
    byref->flags += kOneReference;
  } else {
    byref = move_to_heap(byref);
  }
  *static_cast<Byref**>(to) = byref;
}

SOFTMETAL_API void _Block_object_dispose(const void* object, int flags) {
  if (!(flags & kFieldIsByref)) return;
  auto* byref = static_cast<Byref*>(const_cast<void*>(object))->forwarding;
  if (!(byref->flags & kNeedsFree)) return;
  if (((byref->flags -= kOneReference) & kCountMask) != 0) return;
  if (byref->flags & kHasCopy) byref->destroy(byref);
  std::free(byref);
}
