// The handler of segmentation faults: names the kernel and what it touched, and
// leaves faults elsewhere to whoever handled them before.
// SPDX-License-Identifier: MIT
#include "runtime/faults.h"

#include <signal.h>
#include <sys/mman.h>

#include <cstdio>
#include <map>

#include "engine/dispatch.h"

namespace softmetal {
namespace {

struct Registry {
  std::mutex mutex;
  std::map<const char*, Mapping*> mappings;
};

Registry& registry() {
  static Registry* r = new Registry;
  return *r;
}

struct sigaction earlier_handler;

void handle(int number, siginfo_t* info, void* context) {
  std::string reason = Faults::explain(static_cast<const char*>(info->si_addr));
  if (!reason.empty()) {
    const char* kernel = running_kernel();
    die((kernel ? std::string(kernel) : "the host") + ": " + reason);
  }
  if (const char* kernel = running_kernel()) {
    Unseen unseen;
    std::fprintf(stderr, "softmetal: %s: touches memory of no buffer, at %p\n",
                 kernel, info->si_addr);
  }
  if (earlier_handler.sa_flags & SA_SIGINFO) {
    earlier_handler.sa_sigaction(number, info, context);
  } else {
    signal(number, SIG_DFL);
    raise(number);
  }
}

// A handler cannot run on the stack whose overflow it reports.
struct HandlerStack {
  static constexpr size_t kSize = 256 << 10;

  HandlerStack() {
    stack_t now;
    if (sigaltstack(nullptr, &now) == 0 && !(now.ss_flags & SS_DISABLE)) return;
    memory = mmap(nullptr, kSize, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    stack_t mine = {};
    mine.ss_sp = memory;
    mine.ss_size = kSize;
    sigaltstack(&mine, nullptr);
  }
  ~HandlerStack() {
    if (!memory) return;
    stack_t none = {};
    none.ss_flags = SS_DISABLE;
    sigaltstack(&none, nullptr);
    munmap(memory, kSize);
  }

  void* memory = nullptr;
};

}  // namespace

Faults::Lock::Lock() : lock(registry().mutex) {}

void Faults::add(Mapping* mapping) {
  auto guard = lock();
  registry().mappings[mapping->gpu_pages_] = mapping;
}

void Faults::remove(Mapping* mapping) {
  auto guard = lock();
  registry().mappings.erase(mapping->gpu_pages_);
}

std::string Faults::explain(const char* address) {
  auto guard = lock();
  for (const auto& [start, mapping] : registry().mappings) {
    std::string reason = explain(*mapping, address);
    if (!reason.empty()) return reason;
  }
  return "";
}

std::string Faults::explain(const Mapping& m, const char* address) {
  std::string buffer = "a buffer of " + std::to_string(m.length_) + " bytes" +
                       (m.label_.empty() ? "" : " (" + m.label_ + ")");
  if (address >= m.gpu_pages_ && address < m.gpu_pages_ + m.pages_) {
    if (!running_kernel()) return "uses the GPU's address of " + buffer;
    if (m.readers_ > 0) {
      return "writes to " + buffer + " that was declared to be read only";
    }
    return "touches memory that was not made resident: " + buffer;
  }
  if (m.mapping_ && address >= m.mapping_ &&
      address < m.mapping_ + m.mapping_size_) {
    return "touches memory outside of " + buffer;
  }
  return "";
}

void watch_faults() {
  static const bool installed = [] {
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    return sigaction(SIGSEGV, &action, &earlier_handler) == 0;
  }();
  (void)installed;
  static thread_local HandlerStack stack;
  (void)stack;
}

}  // namespace softmetal
