// New processes that share our memory until they exec.
//
// A JavaScript engine has hundreds of megabytes mapped: fork() or a plain clone3() would copy its page tables (about 1
// ms, charged to the container's cgroup). CLONE_VM copies nothing, but the child then runs beside the engine's other
// threads in their memory: it may only use raw system calls and memory handed to it, with every signal blocked, so that
// no handler of the engine runs in it.
#pragma once

#include <cstdint>

#include "../sys/fd.h"
#include "outcome.h"

namespace host {

struct CloneRequest {
  uint64_t flags;      // CLONE_*, CLONE_VM and CLONE_PIDFD are added
  int cgroupFd;        // for CLONE_INTO_CGROUP, -1 for none
  int (*body)(void*);  // its result is the exit status
  void* context;
};

struct Child {
  int pid = -1;
  Fd pidfd;
};

// Memory that the child uses as its stack; must outlive it (with CLONE_VFORK: the call).
struct alignas(16) ChildStack {
  char bytes[16384];
};

Outcome<Child> cloneSharing(const CloneRequest& request, ChildStack& stack);

// A system call without errno: the kernel's answer, -errno on failure. errno belongs to the thread whose memory we
// share.
long rawCall(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0);

// Every signal blocked in this thread for the lifetime of the object, those of the C library included.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked();
  ~AllSignalsBlocked();
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  uint64_t before_ = 0;
};

// The arrangement of file descriptors that a program finds: sources[i] becomes i, all above is closed on exec.
struct FdLayout {
  const int* sources;  // count of them
  int* raised;         // room for count numbers
  int count;
};

// Done in two steps because sources and targets overlap; raw system calls only. Changes the caller's fd table.
// `program` is moved out of the way. Returns 0 or -errno; `call` names what failed.
long arrangeFds(const FdLayout& layout, int* program, const char** call);

}  // namespace host
