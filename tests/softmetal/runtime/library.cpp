// Libraries: compiled by msl/compile.py now or before, loaded, and copied for each set of
// function constants.
// SPDX-License-Identifier: MIT
#include "runtime/library.h"

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "engine/dispatch.h"
#include "runtime/compiler.h"
#include "runtime/testing.h"

namespace softmetal {
namespace {

constexpr UInteger kBoolType = 53;

// bytes of a value of an MTLDataType; those that a constant may have here
unsigned size_of(UInteger data_type) {
  switch (data_type) {
    case kBoolType:
    case 45:  // char
    case 49:  // uchar
      return 1;
    case 16:  // half
    case 37:  // short
    case 41:  // ushort
      return 2;
    case 3:   // float
    case 29:  // int
    case 33:  // uint
      return 4;
    default:
      die("setConstantValue: type must be a scalar of at most 32 bits, got "
          "MTLDataType " +
          std::to_string(data_type));
  }
}

}  // namespace

void FunctionConstants::set(const void* value, UInteger data_type,
                            UInteger index) {
  values[unsigned(index)] =
      std::string(static_cast<const char*>(value), size_of(data_type));
}

Library::Library(std::string path) : Object(type), path_(std::move(path)) {}

Object* Library::compile(String* source, CompileOptions* options,
                         Object** error) {
  if (auto text = planned_failure(Failure::library)) {
    return report(error, *text);
  }
  CompilerResult built =
      compile_metal(source->text, options ? options->fast_math : true);
  if (!built.error.empty()) return report(error, built.error, 3);
  auto library = Ref<Library>::adopt(new Library(built.path));
  std::string problem = library->load();
  if (!problem.empty()) return report(error, problem, 3);
  count(Event::library);
  return library->retain();
}

Object* Library::open(Url* url, Object** error) {
  if (auto text = planned_failure(Failure::library)) {
    return report(error, *text);
  }
  auto library = Ref<Library>::adopt(new Library(url->path));
  std::string problem = library->load();
  if (!problem.empty()) return report(error, problem);
  if (library->module_.options != wanted_options()) {
    return report(error, url->path + ": must be compiled with " +
                             wanted_options() + ", got " +
                             library->module_.options);
  }
  count(Event::library);
  return library->retain();
}

std::string Library::load() {
  Unseen unseen;
  // Never closed: sanitizers name functions from it when the process exits.
  void* handle = dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) return dlerror();
  auto* module_of =
      reinterpret_cast<ModuleFunction*>(dlsym(handle, "softmetal_module"));
  if (!module_of) return path_ + ": must be a library of kernels";
  module_of(hooks(), &module_);
  return "";
}

const Kernel* Library::find(const std::string& name) const {
  for (auto* k = module_.kernels; k != module_.kernels_end; ++k) {
    if (name == k->name) return k;
  }
  return nullptr;
}

Object* Library::new_function(String* name) {
  const Kernel* kernel = find(name->text);
  return kernel ? new Function(this, kernel) : nullptr;
}

Object* Library::new_function_of(String* name, FunctionConstants* constants,
                                 Object** error) {
  Ref<Library> library(this);
  if (constants && module_.constants != module_.constants_end) {
    std::string problem = specialize(*constants, library);
    if (!problem.empty()) return report(error, problem);
  }
  const Kernel* kernel = library->find(name->text);
  if (!kernel) {
    return report(error,
                  "newFunction: name must be a kernel of the library, "
                  "got " +
                      name->text);
  }
  return new Function(library.get(), kernel);
}

// A copy of the file is another library to the linker, with variables of its
// own. It can go as soon as it is loaded, but sanitizers look into it.
std::string Library::specialize(const FunctionConstants& constants,
                                Ref<Library>& result) {
  static std::atomic<int> copies{0};
  const char* folder = std::getenv("TMPDIR");
  std::string path = std::string(folder && *folder ? folder : "/tmp") +
                     "/softmetal-" + std::to_string(getpid()) + "-" +
                     std::to_string(copies++) + ".so";
  {
    Unseen unseen;
    std::ifstream from(path_, std::ios::binary);
    std::ofstream to(path, std::ios::binary);
    to << from.rdbuf();
    if (!to) return path + ": must be writable";
  }
  result = Ref<Library>::adopt(new Library(path));
  std::string problem = result->load();
  remove_at_exit(path);
  if (!problem.empty()) return problem;
  const Module& m = result->module();
  for (auto* c = m.constants; c != m.constants_end; ++c) {
    auto value = constants.values.find(c->index);
    if (value == constants.values.end()) continue;
    if (value->second.size() != c->size) {
      return "function_constant(" + std::to_string(c->index) + "): must have " +
             std::to_string(c->size) + " bytes, got " +
             std::to_string(value->second.size());
    }
    // Written as bytes by code that TSan does not look at.
    auto* to = static_cast<volatile char*>(c->value);
    for (unsigned i = 0; i < c->size; ++i) to[i] = value->second[i];
    *static_cast<volatile bool*>(c->defined) = true;
  }
  return "";
}

Pipeline::Pipeline(Function* function) : Object(type), function_(function) {
  count(Event::pipeline);
}

UInteger Pipeline::max_threads() {
  UInteger limit = environment_number("SOFTMETAL_MAX_THREADS", 1024);
  UInteger own = kernel().max_threads;
  return own ? std::min(own, limit) : limit;
}

UInteger Pipeline::static_memory() {
  return static_threadgroup_memory(&kernel());
}

const Class& CompileOptions::type = define<CompileOptions>(
    "MTLCompileOptions",
    {method<&CompileOptions::set_fast_math>("setFastMathEnabled:"),
     method<&CompileOptions::set_math_mode>("setMathMode:"),
     method<&CompileOptions::ignore>("setMathFloatingPointFunctions:"),
     method<&CompileOptions::ignore>("setLanguageVersion:"),
     method<&CompileOptions::ignore>("setPreserveInvariance:"),
     method<&CompileOptions::ignore>("setOptimizationLevel:")},
    {method<&CompileOptions::alloc>("alloc")});

const Class& FunctionConstants::type = define<FunctionConstants>(
    "MTLFunctionConstantValues",
    {method<&FunctionConstants::set>("setConstantValue:type:atIndex:")},
    {method<&FunctionConstants::alloc>("alloc")});

const Class& Library::type = define<Library>(
    "MTLLibrary", {method<&Library::new_function>("newFunctionWithName:"),
                   method<&Library::new_function_of>(
                       "newFunctionWithName:constantValues:error:")});

const Class& Function::type =
    define<Function>("MTLFunction", {method<&Function::name>("name")});

const Class& Pipeline::type = define<Pipeline>(
    "MTLComputePipelineState",
    {method<&Pipeline::max_threads>("maxTotalThreadsPerThreadgroup"),
     method<&Pipeline::execution_width>("threadExecutionWidth"),
     method<&Pipeline::static_memory>("staticThreadgroupMemoryLength")});

}  // namespace softmetal
