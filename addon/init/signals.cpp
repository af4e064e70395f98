#include "signals.h"

#include <signal.h>
#include <sys/signalfd.h>

#include "../sys/syscalls.h"

namespace {

constexpr int signalCount = 64;
constexpr size_t kernelSetSize = 8;

// All zeros in the kernel's own layout is SIG_DFL without flags; 32 bytes suffice for x86_64 and arm64.
struct KernelSigaction {
  uint64_t words[4] = {};
};

Failure setMask(const uint64_t& mask) {
  return check(::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, nullptr, kernelSetSize), "rt_sigprocmask");
}

}  // namespace

Failure resetSignals() {
  const KernelSigaction plain;
  for (int signal = 1; signal <= signalCount; ++signal) {
    if (signal == SIGKILL || signal == SIGSTOP) continue;
    if (auto f = check(::syscall(SYS_rt_sigaction, signal, &plain, nullptr, kernelSetSize), "rt_sigaction")) return f;
  }
  return setMask(0);
}

Failure blockAllSignals() { return setMask(allSignals); }

Failure openSignals(Fd& out) {
  constexpr int flags = SFD_CLOEXEC | SFD_NONBLOCK;
  return adopt(out, ::syscall(SYS_signalfd4, -1, &allSignals, kernelSetSize, flags), "signalfd4");
}
