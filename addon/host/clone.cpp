#include "clone.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

namespace host {
namespace {

// clone3(2) with a stack of its own: the child must not return into the parent's frames, which the parent still uses.
// Registers survive the call in the child, so body and context wait in two that the kernel leaves alone.
long cloneOnStack(clone_args* args, int (*body)(void*), void* context) {
#if defined(__x86_64__)
  register auto fn asm("r8") = body;
  register auto arg asm("r9") = context;
  long result = 0;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r9, %%rdi\n\t"
      "call *%%r8\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(args), "S"(sizeof(*args)), "r"(fn), "r"(arg), [exit] "i"(SYS_exit)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = SYS_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(args);
  register long x1 asm("x1") = sizeof(*args);
  register auto fn asm("x10") = body;
  register auto arg asm("x11") = context;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, x11\n\t"
      "blr x10\n\t"
      "mov x8, %[exit]\n\t"
      "svc #0\n\t"
      "brk #1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(fn), "r"(arg), [exit] "i"(SYS_exit)
      : "memory", "cc");
  return x0;
#else
#error "clone3 with a stack of its own is written for x86_64 and aarch64"
#endif
}

}  // namespace

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
  const long pid = cloneOnStack(&args, request.body, request.context);
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
