// What the operations of a plan share. Each operation is one overload `Failure run(World&, const op::X&)` (declared in
// generated/ops.h): it does what its fields say, in the order of the kernel calls needed, and looks at nothing else.
//
// Conventions: a function that can fail answers a Failure; one that opens something takes `Fd& out`. A failing
// operation may say more than errno and call can by World::say: a path component, the end of a hook, the kernel's own
// words.
#pragma once
#include <stdint.h>

#include "../generated/ops.h"
#include "../sys/failure.h"
#include "../sys/fd.h"
#include "../sys/syscalls.h"

// The number of a failure that belongs to no operation: the part itself could not be received or read.
inline constexpr uint32_t noStep = 0xffffffff;

// End of the process that the monitor supervises.
struct Ending {
  bool known = false;
  bool signaled = false;
  int code = 0;  // exit code, or number of the signal
};

struct World {
  // To the runtime; invalid in a monitor.
  Fd conversation;
  // To `start`, from the moment it said go: later failures are its business.
  Fd startConnection;
  // Descriptors of the part that is running; closed after it.
  Fd* partFds = nullptr;
  uint32_t partFdCount = 0;
  // Operations finished, over all parts, and the number of the one that is running.
  uint32_t steps = 0;
  uint32_t step = noStep;

  // The container's root directory: all targets are resolved under it. After the change of root it is "/".
  Fd root;
  // What masked files and directories are covered with, from the first use on: the verified null device, and a mount of
  // an empty read-only directory.
  Fd nullDevice;
  Fd emptyDirectory;

  // What findProgram found, as execve takes it; empty before.
  char program[4096] = "";
  // HOME for exec; empty where findHome did not run.
  char home[4096] = "";
  Ending ending;

  // Why an operation failed, in words; sent with the Failure.
  char detail[468] = "";
  [[gnu::format(printf, 2, 3)]] void say(const char* format, ...);

  // The root directory of a trusted procfs: an instance of our own that nothing can be mounted over, or, where the
  // kernel does not allow one (a user namespace that does not own the pid namespace), /proc after verification. Kept
  // until forgetProcfs. Never closed by the caller.
  Failure procfs(int& out);
  void forgetProcfs() { procfs_.reset(); }

  // Opens `path` ("sys/net/ipv4/ip_forward", "self/timens_offsets") in that procfs, refusing whatever is not procfs
  // itself: mounts over it and links out of it (CVE-2019-16884, CVE-2025-52881). O_CLOEXEC is added to flags.
  Failure openProc(const char* path, int flags, Fd& out);

  // Closes a descriptor of the part before its time.
  void closePartFd(int fd);

 private:
  Fd procfs_;
};
