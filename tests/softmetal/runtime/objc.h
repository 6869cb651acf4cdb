// The Objective-C runtime, as far as metal-cpp needs it: classes made of C++
// member functions, selectors, and objects with a reference count.
// SPDX-License-Identifier: MIT
#pragma once

#include <atomic>
#include <cstddef>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "engine/sanitizer.h"

#define SOFTMETAL_API extern "C" __attribute__((visibility("default")))

namespace softmetal {

using UInteger = unsigned long;

struct Selector {
  unsigned index;  // into every class's table of methods
  std::string name;
};
using SEL = const Selector*;
using Method = void (*)();

class Object;

struct Class {
  const Class* isa;  // of a class: the class of its own methods
  const char* name;
  void (*destroy)(Object*);
  std::vector<Method> methods;  // never changes once it is defined
};

// Prints "softmetal: ..." and aborts.
[[noreturn]] void die(const std::string& message);

class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;

  // TSan is not to see whose thread made and whose destroyed an object.
  static void* operator new(size_t size);
  static void operator delete(void* memory);

  Object* retain();
  void release();
  Object* autorelease();
  UInteger retain_count() { return UInteger(references_.load()); }
  Object* init() { return this; }
  void* label() { return nullptr; }
  void set_label(Object* label);
  bool responds_to(SEL selector);

  // Marks an object that nobody may destroy for now, though no reference says
  // so.
  void pin() { ++pins_; }
  void unpin() { --pins_; }

  // Also of one that is destroyed, for a message about it.
  const char* class_name() const { return type_->name; }

  const Class* isa;

 protected:
  explicit Object(const Class& type);
  ~Object() = default;

 private:
  void destroy();

  const Class* const type_;
  std::atomic<long> references_{1};
  std::atomic<long> pins_{0};
};

// From when others may learn that a queue is through with a command buffer
// until it has let go of it: who counts the live objects waits meanwhile.
void begin_handing_back();
void end_handing_back();

// What destroyed objects belong to: it answers nothing.
const Class& dead_class();

// Holds a reference.
template <class T>
class Ref {
 public:
  Ref() = default;
  explicit Ref(T* object) : object_(object) {
    if (object_) object_->retain();
  }
  Ref(const Ref& other) : Ref(other.object_) {}
  Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
  Ref& operator=(Ref other) {
    std::swap(object_, other.object_);
    return *this;
  }
  ~Ref() {
    if (object_) object_->release();
  }
  // Takes over the caller's reference.
  static Ref adopt(T* object) {
    Ref ref;
    ref.object_ = object;
    return ref;
  }
  T* get() const { return object_; }
  T* operator->() const { return object_; }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  T* object_ = nullptr;
};

struct MethodEntry {
  const char* selector;
  Method method;
};

template <auto member>
struct Caller;
template <class T, class R, class... A, R (T::*member)(A...)>
struct Caller<member> {
  static R call(T* self, SEL, A... arguments) {
    return (self->*member)(arguments...);
  }
};
template <class R, class... A, R (*function)(A...)>
struct Caller<function> {
  static R call(void*, SEL, A... arguments) { return function(arguments...); }
};

// A member function, or for a class's own methods a plain one, as a method.
template <auto function>
MethodEntry method(const char* selector) {
  return {selector, reinterpret_cast<Method>(&Caller<function>::call)};
}

using Methods = std::initializer_list<MethodEntry>;

const Class& define_class(const char* name, void (*destroy)(Object*),
                          Methods methods, Methods class_methods);

template <class T>
void destroy_as(Object* object) {
  static_cast<T*>(object)->~T();
}

template <class T>
const Class& define(const char* name, Methods methods,
                    Methods class_methods = {}) {
  return define_class(name, destroy_as<T>, methods, class_methods);
}

}  // namespace softmetal
