#include "handover.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <array>
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

// We can block signals in our own thread only, and the kernel gives a signal of the process to any thread that takes
// it. So each of the engine's threads that takes one blocks all from then on and sends it to the process again: in the
// end it waits, pending, for the monitor. Signals to one thread are the engine's own business and end with it.
void keepForMonitor(int signal, siginfo_t* info, void* context) {
  if (info->si_code == SI_TKILL) return;
  auto* mask = reinterpret_cast<uint64_t*>(&static_cast<ucontext_t*>(context)->uc_sigmask);
  *mask = ~uint64_t{0};
  rawCall(SYS_kill, rawCall(SYS_getpid), signal);
}

// Between blocking and exec no signal may be lost, nor end the process while nobody watches the container.
class SignalsKept {
 public:
  SignalsKept() {
    for (int signal = 1; signal <= signalCount; ++signal) {
      if (!untouchable(signal)) keep(signal);
    }
  }
  ~SignalsKept() {
    for (int signal = 1; signal <= signalCount; ++signal) {
      if (changed_[signal]) ::sigaction(signal, &before_[signal], nullptr);
    }
  }
  SignalsKept(const SignalsKept&) = delete;
  SignalsKept& operator=(const SignalsKept&) = delete;

 private:
  void keep(int signal) {
    if (::sigaction(signal, nullptr, &before_[signal]) < 0) return;
    const bool ignored = before_[signal].sa_handler == SIG_IGN;
    // Ignored by the JS engine, not by our caller; exec would pass that on to the monitor and to what it starts.
    const bool byEngine = signal == SIGPIPE || signal == SIGXFSZ;
    // What the caller ignores stays ignored: nohup.
    if (ignored && !byEngine) return;
    struct sigaction action{};
    action.sa_sigaction = keepForMonitor;
    action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
    sigfillset(&action.sa_mask);
    changed_[signal] = ::sigaction(signal, &action, nullptr) == 0;
  }

  AllSignalsBlocked blocked_;
  std::array<struct sigaction, signalCount + 1> before_{};
  std::array<bool, signalCount + 1> changed_{};
};

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

Failure becomeMonitor(std::span<const uint8_t> part, std::span<const int> fds) {
  const Outcome<int> image = helperImage();
  if (image.failure) return image.failure;
  const Outcome<Fd> memory = sealedCopy("tsrunc-part", part);
  if (memory.failure) return memory.failure;
  std::vector<int> sources{0, 1, 2, memory.value.get()};
  sources.insert(sources.end(), fds.begin(), fds.end());
  std::vector<int> raised(sources.size());
  Handover handover{{sources.data(), raised.data(), static_cast<int>(sources.size())}, image.value, 0, ""};
  const SignalsKept kept;
  pthread_t thread;
  int err = ::pthread_create(&thread, nullptr, execMonitor, &handover);
  if (err != 0) return Failure{err, "pthread_create"};
  err = ::pthread_join(thread, nullptr);
  if (err != 0) return Failure{err, "pthread_join"};
  return Failure{static_cast<int>(-handover.error), handover.call};
}

}  // namespace host
