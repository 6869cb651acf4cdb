// Counters, planned failures and the seed: the tests' side door.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace softmetal {

enum class Event {
  dispatch,
  barrier,
  command_buffer,
  encoder,
  fence,
  buffer,
  library,
  pipeline,
  leak,
  kinds,
};

void count(Event event);

enum class Failure { buffer, library, pipeline, command_buffer, kinds };

// The text of a failure that a test planned for now; asked once, it is over.
std::optional<std::string> planned_failure(Failure what);

uint64_t current_seed();

// A number in the environment, or the default.
uint64_t environment_number(const char* name, uint64_t otherwise);

}  // namespace softmetal
