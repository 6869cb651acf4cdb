// Stands in for Apple's header, so that metal-cpp compiles: two types.
// SPDX-License-Identifier: MIT
#pragma once

typedef struct dispatch_queue_s* dispatch_queue_t;
typedef struct dispatch_data_s* dispatch_data_t;
