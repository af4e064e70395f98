#include "clone.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include "../sys/stack_clone.h"

namespace host {
long rawCall(long number, long a, long b, long c, long d, long e) {
#if defined(__x86_64__)
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  long result = 0;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
#else
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc #0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#endif
}

// Through the system call itself: the C library's wrapper leaves its own two signals (32, 33) unblocked, and their
// handlers would run in the child, too.
AllSignalsBlocked::AllSignalsBlocked() {
  const uint64_t all = ~uint64_t{0};
  rawCall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&all), reinterpret_cast<long>(&before_), sizeof all);
}

AllSignalsBlocked::~AllSignalsBlocked() {
  rawCall(SYS_rt_sigprocmask, SIG_SETMASK, reinterpret_cast<long>(&before_), 0, sizeof before_);
}

Outcome<Child> cloneSharing(const CloneRequest& request, ChildStack& stack) {
  int pidfd = -1;
  clone_args args{};
  args.flags = request.flags | CLONE_VM | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<uint64_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<uint64_t>(&stack);
  args.stack_size = sizeof stack;
  if (request.cgroupFd >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<uint64_t>(request.cgroupFd);
  }
  const AllSignalsBlocked quiet;
  const long pid = sys::cloneOnStack(&args, sizeof args, request.body, request.context);
  if (pid < 0) return Failure{static_cast<int>(-pid), "clone3"};
  return Child{static_cast<int>(pid), Fd(pidfd)};
}

long arrangeFds(const FdLayout& layout, int* program, const char** call) {
  *call = "fcntl";
  for (int i = 0; i < layout.count; ++i) {
    const long fd = rawCall(SYS_fcntl, layout.sources[i], F_DUPFD_CLOEXEC, layout.count);
    if (fd < 0) return fd;
    layout.raised[i] = static_cast<int>(fd);
  }
  const long raised = rawCall(SYS_fcntl, *program, F_DUPFD_CLOEXEC, layout.count);
  if (raised < 0) return raised;
  *program = static_cast<int>(raised);
  *call = "dup3";
  for (int i = 0; i < layout.count; ++i) {
    const long fd = rawCall(SYS_dup3, layout.raised[i], i, 0);
    if (fd < 0) return fd;
  }
  *call = "close_range";
  return rawCall(SYS_close_range, layout.count, ~0U, CLOSE_RANGE_CLOEXEC);
}

}  // namespace host
