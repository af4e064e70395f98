// Become the monitor: the JS engine goes, the process stays.
#pragma once

#include <cstdint>
#include <span>

#include "outcome.h"

namespace host {

// From now on a signal that would end or stop this process stays pending, for the monitor to find. For good: the caller
// becomes the monitor or ends.
void keepSignals();

// Executes the helper as "tsrunc-monitor" in place of this process: fds 0-2 as they are, the sealed part at 3, fds from
// 4 up, every signal blocked and those that come meanwhile pending. Returns only with a failure.
Failure becomeMonitor(std::span<const uint8_t> part, std::span<const int> fds);

}  // namespace host
