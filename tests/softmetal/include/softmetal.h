// What tests ask of the software Metal beside Metal itself.
// SPDX-License-Identifier: MIT
#pragma once

#ifdef __cplusplus
extern "C" {
#endif

// Objects that somebody still holds a reference to, once what has completed
// is given back: not to be asked by a completed handler.
long softmetal_live(void);

// Prints the class of each of them and how many there are, to standard error.
void softmetal_print_live(void);

// What happened since the last reset: "dispatches", "barriers",
// "command_buffers", "encoders", "fences" (updates and waits), "buffers",
// "libraries", "pipelines", "leaks" (autoreleased without a pool).
long softmetal_count(const char* what);
void softmetal_reset_counts(void);

// The order of GPU threads, and of dispatches that nothing orders. 0: as they
// were encoded. Command buffers take it over when they are committed. At first
// it is $SOFTMETAL_SEED.
void softmetal_set_seed(unsigned long seed);

// Makes the next "buffer" be nil, or the next "library", "pipeline" or
// "command buffer" fail with this text.
void softmetal_fail_next(const char* what, const char* text);

#ifdef __cplusplus
}
#endif
