// Selectors, classes and the look-up of methods, which takes no lock: one would
// order the host's threads, and hide their races from TSan.
// SPDX-License-Identifier: MIT
#include "runtime/objc.h"

#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>

namespace softmetal {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::string, Selector> selectors;
  std::map<std::string, Class*> classes;
};

// Never destroyed: hosts may release objects while the process exits.
Registry& registry() {
  static Registry* r = new Registry;
  return *r;
}

void add(Class& type, const MethodEntry& entry);

// What every object answers to.
const std::vector<MethodEntry>& common_methods() {
  static const std::vector<MethodEntry> methods = {
      method<&Object::retain>("retain"),
      method<&Object::release>("release"),
      method<&Object::autorelease>("autorelease"),
      method<&Object::retain_count>("retainCount"),
      method<&Object::init>("init"),
      method<&Object::label>("label"),
      method<&Object::set_label>("setLabel:"),
      method<&Object::responds_to>("respondsToSelector:"),
  };
  return methods;
}

void* answer_nil() { return nullptr; }

}  // namespace

SOFTMETAL_API SEL sel_registerName(const char* name) {
  Unseen unseen;
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  auto [at, added] = r.selectors.try_emplace(name);
  if (added) at->second = {unsigned(r.selectors.size()), name};
  return &at->second;
}

SOFTMETAL_API const Class* objc_lookUpClass(const char* name) {
  Unseen unseen;
  Registry& r = registry();
  std::lock_guard lock(r.mutex);
  auto at = r.classes.find(name);
  return at == r.classes.end() ? nullptr : at->second;
}

SOFTMETAL_API const Class* objc_getClass(const char* name) {
  return objc_lookUpClass(name);
}

SOFTMETAL_API void* objc_getProtocol(const char*) { return nullptr; }

// Called for every message, with what it is sent to; see message_send.cpp.
SOFTMETAL_API Method softmetal_find_method(const Object* self, SEL selector) {
  if (!self) return reinterpret_cast<Method>(&answer_nil);
  const Class* type = self->isa;
  if (selector->index < type->methods.size()) {
    if (Method found = type->methods[selector->index]) return found;
  }
  if (type == &dead_class()) {
    die(std::string(self->class_name()) + ": must not be sent " +
        selector->name + " after its last release");
  }
  die(std::string(type->name) + ": does not respond to " + selector->name);
}

void die(const std::string& message) {
  std::fprintf(stderr, "softmetal: %s\n", message.c_str());
  std::fflush(stderr);
  std::abort();
}

namespace {

void add(Class& type, const MethodEntry& entry) {
  unsigned index = sel_registerName(entry.selector)->index;
  if (type.methods.size() <= index) type.methods.resize(index + 1);
  type.methods[index] = entry.method;
}

}  // namespace

const Class& define_class(const char* name, void (*destroy)(Object*),
                          Methods methods, Methods class_methods) {
  auto* meta = new Class{nullptr, name, nullptr, {}};
  auto* type = new Class{meta, name, destroy, {}};
  for (const MethodEntry& entry : common_methods()) add(*type, entry);
  for (const MethodEntry& entry : methods) add(*type, entry);
  for (const MethodEntry& entry : class_methods) add(*meta, entry);
  registry().classes[name] = type;
  return *type;
}

}  // namespace softmetal
