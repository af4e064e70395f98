// Waiting for descriptors without a thread for each: a process may hold many containers.
#pragma once

#include <functional>

#include "outcome.h"

namespace host {

// How a wait ended: readable, or (neither) time is up, or failed.
struct Wake {
  bool readable = false;
  Failure failure{};
};

// Calls `done` from another thread when reading from fd would not block or timeoutMs (-1: no end) have passed. The
// descriptor must stay open until then.
Failure whenReadable(int fd, int timeoutMs, std::function<void(Wake)> done);

// Ends the waits for fd as if their time were up. It must stay open until they have answered.
Failure endWaits(int fd);

// Non-blocking.
Outcome<Fd> openEventfd();

}  // namespace host
