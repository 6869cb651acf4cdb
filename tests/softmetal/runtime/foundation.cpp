// Strings, addresses of files, errors and autorelease pools.
// SPDX-License-Identifier: MIT
#include "runtime/foundation.h"

#include <cstdio>
#include <vector>

#include "runtime/testing.h"

namespace softmetal {
namespace {

thread_local std::vector<std::vector<Object*>> pools;

size_t push_pool() {
  pools.emplace_back();
  return pools.size();
}

// Drains this pool and those inside it that nobody drained.
void pop_pool(size_t depth) {
  while (pools.size() >= depth) {
    std::vector<Object*> objects = std::move(pools.back());
    pools.pop_back();
    for (Object* object : objects) object->release();
  }
}

class AutoreleasePool : public Object {
 public:
  static const Class& type;

  AutoreleasePool() : Object(type), depth_(push_pool()) {}
  ~AutoreleasePool() { pop_pool(depth_); }

  static Object* alloc() { return new AutoreleasePool; }
  void drain() { release(); }

 private:
  size_t depth_;
};

const Class& AutoreleasePool::type = define<AutoreleasePool>(
    "NSAutoreleasePool", {method<&AutoreleasePool::drain>("drain")},
    {method<&AutoreleasePool::alloc>("alloc")});

}  // namespace

PoolScope::PoolScope() : depth_(push_pool()) {}
PoolScope::~PoolScope() { pop_pool(depth_); }

void add_to_pool(Object* object) {
  if (pools.empty()) {
    count(Event::leak);
    std::fprintf(stderr,
                 "softmetal: %s: must be autoreleased with a pool in place, "
                 "got none: it leaks\n",
                 object->class_name());
    return;
  }
  pools.back().push_back(object);
}

Object* String::from(const char* text, UInteger encoding) {
  if (encoding != kUtf8) {
    die("NSString: encoding must be UTF-8 (4), got " +
        std::to_string(encoding));
  }
  return (new String(text))->autorelease();
}

const Class& String::type =
    define<String>("NSString",
                   {method<&String::utf8>("UTF8String"),
                    method<&String::c_string>("cStringUsingEncoding:"),
                    method<&String::length>("length"),
                    method<&String::is_equal>("isEqualToString:")},
                   {method<&String::from>("stringWithCString:encoding:")});

Object* Url::of_file(String* path) {
  return (new Url(path->text))->autorelease();
}

const Class& Url::type =
    define<Url>("NSURL", {}, {method<&Url::of_file>("fileURLWithPath:")});

Error::Error(std::string text, long code, const char* domain)
    : Object(type),
      text_(Ref<String>::adopt(new String(std::move(text)))),
      domain_(Ref<String>::adopt(new String(domain))),
      code_(code) {}

const Class& Error::type = define<Error>(
    "NSError",
    {method<&Error::localized_description>("localizedDescription"),
     method<&Error::domain>("domain"), method<&Error::code>("code")});

std::nullptr_t report(Object** error, std::string text, long code,
                      const char* domain) {
  if (error) {
    *error = (new Error(std::move(text), code, domain))->autorelease();
  }
  return nullptr;
}

}  // namespace softmetal
