// Processes, by descriptors that cannot come to mean another process.
#pragma once

#include <cstdint>

#include "outcome.h"

namespace host {

struct Exit {
  bool ended = false;
  int code = 0;  // exit code, or the signal's number
  bool signaled = false;
};

Outcome<Fd> openProcess(int pid);
// The pid as our own pid namespace sees it; ESRCH when the process has been reaped.
Outcome<int> pidOf(int pidfd);
Failure signalProcess(int pidfd, int signal);
Outcome<Exit> reap(int pidfd);
Failure becomeSubreaper();
Failure limitProcess(int pid, int resource, uint64_t soft, uint64_t hard);

}  // namespace host
