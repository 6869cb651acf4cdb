// The life of objects. A destroyed one stays in memory for a while, so that a
// release too many is told from a crash.
// SPDX-License-Identifier: MIT
#include <cstdio>
#include <deque>
#include <map>
#include <mutex>
#include <new>
#include <thread>

#include "include/softmetal.h"
#include "runtime/foundation.h"
#include "runtime/objc.h"

namespace softmetal {
namespace {

constexpr size_t kKeptDead = 4096;

struct Census {
  std::mutex mutex;
  std::map<const Class*, long> live;
  std::deque<Object*> dead;
};

Census& census() {
  static Census* c = new Census;
  return *c;
}

std::atomic<long> live_count{0};
std::atomic<long> handing_back{0};

}  // namespace

const Class& dead_class() {
  static const Class type = {nullptr, "a dead object", nullptr, {}};
  return type;
}

Object::Object(const Class& type) : isa(&type), type_(&type) {
  ++live_count;
  Unseen unseen;
  Census& c = census();
  std::lock_guard lock(c.mutex);
  ++c.live[isa];
}

void* Object::operator new(size_t size) {
  Unseen unseen;
  return ::operator new(size);
}

void Object::operator delete(void* memory) {
  Unseen unseen;
  ::operator delete(memory);
}

Object* Object::retain() {
  ++references_;
  return this;
}

void Object::release() {
  long left = --references_;
  if (left == 0) destroy();
  if (left < 0) {
    die(std::string(class_name()) +
        ": must be released as often as it was retained, got one more");
  }
}

Object* Object::autorelease() {
  add_to_pool(this);
  return this;
}

void Object::set_label(Object*) {}

bool Object::responds_to(SEL selector) {
  return selector->index < isa->methods.size() &&
         isa->methods[selector->index] != nullptr;
}

void Object::destroy() {
  if (pins_ > 0) {
    die(std::string(class_name()) +
        ": must outlive the command buffers that use it without retaining it");
  }
  const Class* type = isa;
  type->destroy(this);
  --live_count;
  Unseen unseen;
  Census& c = census();
  std::lock_guard lock(c.mutex);
  --c.live[type];
  isa = &dead_class();
  c.dead.push_back(this);
  if (c.dead.size() > kKeptDead) {
    ::operator delete(static_cast<void*>(c.dead.front()));
    c.dead.pop_front();
  }
}

void begin_handing_back() { ++handing_back; }
void end_handing_back() { --handing_back; }

SOFTMETAL_API long softmetal_live() {
  while (handing_back > 0) std::this_thread::yield();
  return live_count;
}

SOFTMETAL_API void softmetal_print_live() {
  softmetal_live();
  Unseen unseen;
  Census& c = census();
  std::lock_guard lock(c.mutex);
  for (const auto& [type, count] : c.live) {
    if (count) std::fprintf(stderr, "softmetal: %ld %s\n", count, type->name);
  }
}

}  // namespace softmetal
