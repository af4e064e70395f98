// Start the init helper in new namespaces.
#pragma once

#include <cstdint>
#include <span>

#include "outcome.h"

namespace host {

struct SpawnRequest {
  uint64_t cloneFlags;
  int cgroupFd;
  std::span<const int> fds;  // what becomes fd 0, 1, 2 and the container's extra ones from 3 on
};

struct Spawned {
  int pid = -1;
  Fd pidfd;
  Fd socket;
};

// Returns when the helper's program runs. CLONE_NEWUSER is refused: exec in a user namespace without mappings would
// take the helper's capabilities away; it makes that namespace itself.
Outcome<Spawned> spawn(const SpawnRequest& request);

}  // namespace host
