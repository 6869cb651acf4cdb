// Python's configuration as it is on macOS arm64, put in front of every file: the
// pyconfig.h at hand is that of the machine that builds.
// SPDX-License-Identifier: MIT
#pragma once

#if __has_include(<pyconfig.h>)
#define _DARWIN_C_SOURCE 1
#include <pyconfig.h>

#undef ALIGNOF_MAX_ALIGN_T
#undef SIZEOF_FPOS_T
#undef SIZEOF_LONG_DOUBLE
#undef SIZEOF_PTHREAD_KEY_T
#define ALIGNOF_MAX_ALIGN_T 8
#define SIZEOF_FPOS_T 8
#define SIZEOF_LONG_DOUBLE 8
#define SIZEOF_PTHREAD_KEY_T 8
#endif
