// Stands in for Apple's header, so that metal-cpp compiles: two types.
// SPDX-License-Identifier: MIT
#pragma once

typedef int kern_return_t;
typedef unsigned task_id_token_t;
