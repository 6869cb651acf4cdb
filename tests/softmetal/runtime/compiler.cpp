// The kernel compiler is a Python program, in a process of its own.
// SPDX-License-Identifier: MIT
#include "runtime/compiler.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <vector>

#include "engine/sanitizer.h"
#include "runtime/objc.h"

extern char** environ;

namespace softmetal {
namespace {

std::string environment(const char* name, const char* otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? text : otherwise;
}

// A file that only this process and the compiler know.
class ScratchFile {
 public:
  ScratchFile() : file_(memfd_create("softmetal", 0)) {}
  ~ScratchFile() { ::close(file_); }
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  int number() const { return file_; }

  void write(const std::string& text) {
    for (size_t at = 0; at < text.size();) {
      ssize_t n = ::write(file_, text.data() + at, text.size() - at);
      if (n <= 0) die("newLibrary: the source must fit into memory");
      at += size_t(n);
    }
    lseek(file_, 0, SEEK_SET);
  }

  std::string read() {
    std::string text;
    char part[4096];
    lseek(file_, 0, SEEK_SET);
    for (ssize_t n; (n = ::read(file_, part, sizeof(part))) > 0;) {
      text.append(part, size_t(n));
    }
    return text;
  }

 private:
  int file_;
};

// Without what would make the compiler itself run under a sanitizer.
std::vector<char*> clean_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry; ++entry) {
    if (std::strncmp(*entry, "LD_PRELOAD=", 11) != 0) kept.push_back(*entry);
  }
  kept.push_back(nullptr);
  return kept;
}

// Its exit status, or -1 where it cannot be started.
int run(std::vector<std::string> command, int in, int out, int error) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  std::vector<char*> variables = clean_environment();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, in, 0);
  posix_spawn_file_actions_adddup2(&actions, out, 1);
  posix_spawn_file_actions_adddup2(&actions, error, 2);
  pid_t child;
  int failure = posix_spawnp(&child, arguments[0], &actions, nullptr,
                             arguments.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (failure != 0) return -1;
  int status = -1;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

constexpr const char* kSanitizer = kTsan   ? "thread"
                                   : kAsan ? "address,undefined"
                                           : "";

// The strictest reading of Metal: it may contract whatever no pragma forbids.
std::string contract() { return environment("SOFTMETAL_CONTRACT", "fast"); }

}  // namespace

std::string wanted_options() {
  return std::string("--sanitize '") + kSanitizer + "' --contract " +
         contract();
}

CompilerResult compile_metal(const std::string& source, bool fast_math) {
  Unseen unseen;
  std::vector<std::string> command = {
      environment("SOFTMETAL_PYTHON", "python3"),
      environment("SOFTMETAL_MSL", SOFTMETAL_MSL_FOLDER) + "/compile.py",
      "-",
      "--sanitize",
      kSanitizer,
      "--contract",
      contract(),
      "--math",
      fast_math ? "fast" : "safe"};
  ScratchFile in, out, error;
  in.write(source);
  int status = run(command, in.number(), out.number(), error.number());
  if (status != 0) {
    std::string text = error.read();
    if (text.empty()) text = command[0] + ": must run " + command[1];
    return {"", text};
  }
  std::string path = out.read();
  while (!path.empty() && path.back() == '\n') path.pop_back();
  return {path, ""};
}

void remove_at_exit(const std::string& path) {
  Unseen unseen;
  static std::mutex mutex;
  static auto* paths = new std::vector<std::string>;
  std::lock_guard lock(mutex);
  if (paths->empty()) {
    std::atexit([] {
      for (const std::string& file : *paths) unlink(file.c_str());
    });
  }
  paths->push_back(path);
}

}  // namespace softmetal
