// Two views of one file in memory, with pages between them that nobody may
// touch. The end of a buffer is the end of a page, so that what lies behind it
// is such a page; under ASan it is the rest of the page that is poisoned.
// SPDX-License-Identifier: MIT
#include "runtime/mapping.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>

#include "runtime/faults.h"

namespace softmetal {
namespace {

// What a type of a kernel may need; a buffer that is no multiple of it has
// that many bytes less one that nobody guards.
constexpr size_t kAlignment = 16;

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

size_t page_size() {
  static const size_t size = size_t(sysconf(_SC_PAGESIZE));
  return size;
}

void* checked(void* mapped) {
  if (mapped == MAP_FAILED) {
    die(std::string("mmap: must succeed, got ") + std::strerror(errno));
  }
  return mapped;
}

int memory_file(size_t size) {
  int file = memfd_create("softmetal", MFD_CLOEXEC);
  if (file < 0 || ftruncate(file, off_t(size)) != 0) {
    die(std::string("memfd_create: must succeed, got ") + std::strerror(errno));
  }
  return file;
}

void map_file(char* at, size_t size, int protection, int file) {
  checked(mmap(at, size, protection, MAP_SHARED | MAP_FIXED, file, 0));
}

constexpr int kReadWrite = PROT_READ | PROT_WRITE;

}  // namespace

bool shared_addresses() {
  static const bool shared = [] {
    const char* mode = std::getenv("SOFTMETAL_ADDRESSES");
    if (!mode || !*mode) return kTsan;
    if (std::strcmp(mode, "shared") == 0) return true;
    if (std::strcmp(mode, "separate") == 0) return false;
    die(std::string("SOFTMETAL_ADDRESSES: must be shared or separate, got ") +
        mode);
  }();
  return shared;
}

Mapping::Mapping(size_t length) : length_(length) {
  Unseen unseen;
  map(length);
  Faults::add(this);
}

void Mapping::map(size_t length) {
  size_t guard = page_size();
  pages_ = round_up(length, page_size());
  mapping_size_ = 2 * pages_ + 3 * guard;
  mapping_ = static_cast<char*>(
      checked(mmap(nullptr, mapping_size_, PROT_NONE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)));
  char* host_pages = mapping_ + guard;
  gpu_pages_ = host_pages + pages_ + guard;
  size_t start = kAsan ? 0 : pages_ - round_up(length, kAlignment);
  if (shared_addresses()) {
    gpu_pages_ = host_pages;
    checked(mmap(host_pages, pages_, kReadWrite,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
  } else {
    int file = memory_file(pages_);
    map_file(host_pages, pages_, kReadWrite, file);
    map_file(gpu_pages_, pages_, PROT_NONE, file);
    ::close(file);
  }
  host_ = host_pages + start;
  gpu_ = gpu_pages_ + start;
  mark_gaps(poison);
}

// Around and between the views, what no access may reach.
void Mapping::mark_gaps(void (*mark)(const void*, size_t)) const {
  size_t guard = page_size(), after = pages_ - length_ + guard;
  mark(mapping_, guard);
  if (kAsan) mark(host_ + length_, after);
  if (kAsan && gpu_ != host_) mark(gpu_ + length_, after);
}

// The host's pages become a view of the file, with what was in them.
Mapping::Mapping(void* pages, size_t length) : length_(length), pages_(length) {
  Unseen unseen;
  host_ = gpu_ = gpu_pages_ = static_cast<char*>(pages);
  if (!shared_addresses()) {
    taken_ = pages;
    int file = memory_file(length);
    mapping_size_ = length;
    mapping_ = static_cast<char*>(
        checked(mmap(nullptr, length, kReadWrite, MAP_SHARED, file, 0)));
    std::memcpy(mapping_, pages, length);
    gpu_ = gpu_pages_ = mapping_;
    map_file(host_, length, kReadWrite, file);
    ::close(file);
    protect();
  }
  Faults::add(this);
}

Mapping::~Mapping() {
  Unseen unseen;
  Faults::remove(this);
  if (taken_) {
    mprotect(gpu_pages_, pages_, PROT_READ);
    checked(mmap(taken_, pages_, kReadWrite,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
    std::memcpy(taken_, gpu_pages_, pages_);
  }
  if (!mapping_) return;
  if (!taken_) mark_gaps(unpoison);
  munmap(mapping_, mapping_size_);
}

void Mapping::open(bool writable) {
  if (shared_addresses()) return;
  auto lock = Faults::lock();
  ++(writable ? writers_ : readers_);
  protect();
}

void Mapping::close(bool writable) {
  if (shared_addresses()) return;
  auto lock = Faults::lock();
  --(writable ? writers_ : readers_);
  protect();
}

void Mapping::protect() {
  int protection = writers_ > 0   ? kReadWrite
                   : readers_ > 0 ? PROT_READ
                                  : PROT_NONE;
  if (mprotect(gpu_pages_, pages_, protection) != 0) {
    die(std::string("mprotect: must succeed, got ") + std::strerror(errno));
  }
}

void Mapping::set_label(std::string label) {
  auto lock = Faults::lock();
  label_ = std::move(label);
}

}  // namespace softmetal
