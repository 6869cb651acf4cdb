// Stands in for Apple's header: what sends a message. metal-cpp casts these to
// the type of each method.
// SPDX-License-Identifier: MIT
#pragma once

#include "runtime.h"

extern "C" {
void objc_msgSend(void);
void objc_msgSend_stret(void);
void objc_msgSend_fpret(void);
}
