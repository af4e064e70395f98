// flock(2) with an end.
#pragma once

#include "outcome.h"

namespace host {

// Takes the exclusive lock without waiting; true when it is ours.
Outcome<bool> tryLock(int fd);
// Waits in the calling thread, which must not be one of the JS engine's, for at most timeoutMs (-1: no end).
Outcome<bool> waitForLock(int fd, int timeoutMs);

}  // namespace host
