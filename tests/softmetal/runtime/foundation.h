// The classes of Foundation that a Metal host uses.
// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "runtime/objc.h"

namespace softmetal {

class String : public Object {
 public:
  static const Class& type;
  static constexpr UInteger kUtf8 = 4;

  explicit String(std::string text) : Object(type), text(std::move(text)) {}

  static Object* from(const char* text, UInteger encoding);
  const char* utf8() { return text.c_str(); }
  const char* c_string(UInteger) { return text.c_str(); }
  UInteger length() { return text.size(); }
  bool is_equal(String* other) { return other && text == other->text; }

  const std::string text;
};

// Of a file.
class Url : public Object {
 public:
  static const Class& type;

  explicit Url(std::string path) : Object(type), path(std::move(path)) {}

  static Object* of_file(String* path);

  const std::string path;
};

class Error : public Object {
 public:
  static const Class& type;

  Error(std::string text, long code, const char* domain);

  Object* localized_description() { return text_.get(); }
  Object* domain() { return domain_.get(); }
  long code() { return code_; }

 private:
  Ref<String> text_;
  Ref<String> domain_;
  long code_;
};

// Domains of errors.
inline constexpr const char* kLibraryDomain = "MTLLibraryErrorDomain";
inline constexpr const char* kBufferDomain = "MTLCommandBufferErrorDomain";
inline constexpr const char* kCaptureDomain = "MTLCaptureError";

// Gives the caller an error, autoreleased; returns nil, for it to return.
std::nullptr_t report(Object** error, std::string text, long code = 1,
                      const char* domain = kLibraryDomain);

// Into the innermost pool of this thread; without one the object leaks.
void add_to_pool(Object* object);

// What the queue's threads have around each command buffer.
class PoolScope {
 public:
  PoolScope();
  ~PoolScope();
  PoolScope(const PoolScope&) = delete;
  PoolScope& operator=(const PoolScope&) = delete;

 private:
  size_t depth_;
};

}  // namespace softmetal
