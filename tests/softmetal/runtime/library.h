// MTLLibrary and what leads from it to a pipeline.
// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <string>

#include "engine/abi.h"
#include "runtime/foundation.h"

namespace softmetal {

class CompileOptions : public Object {
 public:
  static const Class& type;

  CompileOptions() : Object(type) {}
  static Object* alloc() { return new CompileOptions; }

  void set_fast_math(bool on) { fast_math = on; }
  void set_math_mode(long mode) { fast_math = mode == 2; }
  void ignore(UInteger) {}

  bool fast_math = true;  // as Metal has it
};

class FunctionConstants : public Object {
 public:
  static const Class& type;

  FunctionConstants() : Object(type) {}
  static Object* alloc() { return new FunctionConstants; }

  void set(const void* value, UInteger data_type, UInteger index);

  std::map<unsigned, std::string> values;  // bytes, by index
};

// A loaded library of kernels. A set of function constants has one of its own:
// they are variables in it.
class Library : public Object {
 public:
  static const Class& type;

  explicit Library(std::string path);

  static Object* compile(String* source, CompileOptions* options,
                         Object** error);
  // What compile.py has made, in a file.
  static Object* open(Url* url, Object** error);

  Object* new_function(String* name);
  Object* new_function_of(String* name, FunctionConstants* constants,
                          Object** error);

  // Empty, or what was wrong.
  std::string load();
  const Module& module() const { return module_; }
  const Kernel* find(const std::string& name) const;

 private:
  std::string specialize(const FunctionConstants& constants,
                         Ref<Library>& result);

  const std::string path_;
  Module module_ = {};
};

class Function : public Object {
 public:
  static const Class& type;

  Function(Library* library, const Kernel* kernel)
      : Object(type), kernel(kernel), library_(library) {}
  Object* name() { return (new String(kernel->name))->autorelease(); }

  const Kernel* const kernel;

 private:
  Ref<Library> library_;
};

class Pipeline : public Object {
 public:
  static const Class& type;

  explicit Pipeline(Function* function);

  UInteger max_threads();
  UInteger execution_width() { return kSimdWidth; }
  UInteger static_memory();

  const Kernel& kernel() const { return *function_->kernel; }

 private:
  Ref<Function> function_;
};

}  // namespace softmetal
