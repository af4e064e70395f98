#include "handover.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <vector>

#include "clone.h"
#include "image.h"

namespace host {
namespace {

constexpr int signalCount = 64;

// Signals by which the program itself goes wrong, which cannot be kept for later, or which the C library keeps to
// itself.
bool untouchable(int signal) {
  switch (signal) {
    case SIGKILL:
    case SIGSTOP:
    case SIGSEGV:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGTRAP:
    case SIGSYS:
    case SIGABRT:
    case 32:
    case 33:
      return true;
    default:
      return false;
  }
}

// The signals that wait for the monitor; one bit each, as in a kernel mask.
uint64_t keptSignals = 0;

constexpr uint64_t bitOf(int signal) { return uint64_t{1} << (signal - 1); }

// We can block signals in our own thread only, and the kernel gives a signal of the process to any thread that takes
// it. So each of the engine's threads that takes one blocks these signals from then on and sends it to the process
// again: in the end it waits, pending, for the monitor. Signals to one thread are the engine's own business.
void keepForMonitor(int signal, siginfo_t* info, void* context) {
  if (info->si_code == SI_TKILL) return;
  *reinterpret_cast<uint64_t*>(&static_cast<ucontext_t*>(context)->uc_sigmask) |= keptSignals;
  rawCall(SYS_kill, rawCall(SYS_getpid), signal);
}

bool canKeep(int signal) {
  struct sigaction present{};
  if (untouchable(signal) || ::sigaction(signal, nullptr, &present) < 0) return false;
  // With handlers of its own the engine stops its threads for garbage collection.
  if (present.sa_handler != SIG_DFL && present.sa_handler != SIG_IGN) return false;
  // What the caller ignores stays ignored (nohup); these two are ignored by the engine, and exec would pass that on.
  return present.sa_handler == SIG_DFL || signal == SIGPIPE || signal == SIGXFSZ;
}

void changeMask(int how, uint64_t signals) {
  rawCall(SYS_rt_sigprocmask, how, reinterpret_cast<long>(&signals), 0L, 8L);
}

struct Handover {
  FdLayout fds;
  int program;
  long error;
  const char* call;
};

// In a thread with an fd table of its own: the numbers it overwrites may be the engine's, which goes on where exec
// fails.
void* execMonitor(void* context) {
  auto* handover = static_cast<Handover*>(context);
  changeMask(SIG_BLOCK, ~uint64_t{0});
  handover->call = "unshare";
  handover->error = rawCall(SYS_unshare, CLONE_FILES);
  if (handover->error < 0) return nullptr;
  handover->error = arrangeFds(handover->fds, &handover->program, &handover->call);
  if (handover->error < 0) return nullptr;
  const char* const argv[] = {"tsrunc-monitor", nullptr};
  handover->call = "execveat";
  handover->error = rawCall(SYS_execveat, handover->program, reinterpret_cast<long>(""), reinterpret_cast<long>(argv),
                            reinterpret_cast<long>(environ), AT_EMPTY_PATH);
  return nullptr;
}

}  // namespace

void keepSignals() {
  struct sigaction action{};
  action.sa_sigaction = keepForMonitor;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  sigfillset(&action.sa_mask);
  for (int signal = 1; signal <= signalCount; ++signal) {
    if (canKeep(signal)) keptSignals |= bitOf(signal);
  }
  changeMask(SIG_BLOCK, keptSignals);
  for (int signal = 1; signal <= signalCount; ++signal) {
    if ((keptSignals & bitOf(signal)) != 0) ::sigaction(signal, &action, nullptr);
  }
}

Failure becomeMonitor(std::span<const uint8_t> part, std::span<const int> fds) {
  const Outcome<int> image = helperImage();
  if (image.failure) return image.failure;
  const Outcome<Fd> memory = sealedCopy("tsrunc-part", part);
  if (memory.failure) return memory.failure;
  std::vector<int> sources{0, 1, 2, memory.value.get()};
  sources.insert(sources.end(), fds.begin(), fds.end());
  std::vector<int> raised(sources.size());
  Handover handover{{sources.data(), raised.data(), static_cast<int>(sources.size())}, image.value, 0, ""};
  keepSignals();
  pthread_t thread;
  int err = ::pthread_create(&thread, nullptr, execMonitor, &handover);
  if (err != 0) return Failure{err, "pthread_create"};
  err = ::pthread_join(thread, nullptr);
  if (err != 0) return Failure{err, "pthread_join"};
  return Failure{static_cast<int>(-handover.error), handover.call};
}

}  // namespace host
