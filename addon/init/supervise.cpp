// The monitor of a foreground `run`: signals in, terminal through, status out.
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "relay.h"
#include "signals.h"
#include "world.h"

namespace {

constexpr int waitAll = 0x40000000;  // __WALL: also children whose end is announced by another signal, or by none

// All children, not only the container: as the subreaper we inherit what it leaves behind.
Failure reapAll(World& w, int pid) {
  for (;;) {
    siginfo_t end{};
    if (::waitid(P_ALL, 0, &end, WEXITED | WNOHANG | waitAll) < 0) {
      if (errno == EINTR) continue;
      return errno == ECHILD ? success : Failure{errno, "waitid"};
    }
    if (end.si_pid == 0) return success;
    if (end.si_pid == pid) w.ending = {true, end.si_code != CLD_EXITED, end.si_status};
  }
}

// About ourselves and not about the container.
bool isOurs(uint32_t signal) { return signal == SIGCHLD || signal == SIGURG || signal == SIGPIPE; }

class Supervisor {
 public:
  Supervisor(World& w, const op::Supervise& o) : w_(w), o_(o), relay_(o.terminal) {}

  Failure begin() {
    if (auto f = blockAllSignals()) return f;
    if (auto f = openSignals(signals_)) return f;
    if (hasTerminal()) {
      if (auto f = relay_.begin()) return f;
    }
    // It may have ended before the signals were ours to see.
    return reapAll(w_, pid());
  }

  Failure run() {
    while (!w_.ending.known) {
      if (auto f = step()) return f;
    }
    if (hasTerminal()) relay_.finish(signals_.get());
    return success;
  }

 private:
  static constexpr size_t ownPolls = 2;
  static constexpr int heldMilliseconds = 50;  // should nobody announce that the tracer has let go

  [[nodiscard]] bool hasTerminal() const { return o_.terminal >= 0; }
  [[nodiscard]] int pid() const { return static_cast<int>(o_.pid); }

  Failure step() {
    pollfd own[ownPolls] = {{signals_.get(), POLLIN, 0}, {isHeld_ ? -1 : o_.pidfd, POLLIN, 0}};
    pollfd relayed[Relay::pollCount] = {{-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}};
    int timeout = hasTerminal() ? relay_.prepare(relayed) : -1;
    if (isHeld_ && (timeout < 0 || timeout > heldMilliseconds)) timeout = heldMilliseconds;
    pollfd all[ownPolls + Relay::pollCount] = {own[0], own[1], relayed[0], relayed[1], relayed[2]};
    if (::poll(all, ownPolls + Relay::pollCount, timeout) < 0 && errno != EINTR) return {errno, "poll"};
    for (size_t i = 0; i < Relay::pollCount; ++i) relayed[i].revents = all[ownPolls + i].revents;
    if (hasTerminal()) relay_.handle(relayed);
    if (all[0].revents != 0) takeSignals();
    if (auto f = reapAll(w_, pid())) return f;
    return all[1].revents != 0 && !w_.ending.known ? endedUnseen() : success;
  }

  // A tracer (criu, a debugger) may hold what has ended: the kernel shows it to nobody else before that lets go.
  Failure endedUnseen() {
    siginfo_t end{};
    // ECHILD: it is no child of ours, and nobody will ever tell us how it ended.
    if (::waitid(P_PIDFD, static_cast<id_t>(o_.pidfd), &end, WEXITED | WNOHANG | WNOWAIT | waitAll) < 0) {
      return {errno, "waitid"};
    }
    isHeld_ = end.si_pid == 0;
    return success;
  }

  void takeSignals() {
    signalfd_siginfo signal{};
    while (::read(signals_.get(), &signal, sizeof signal) == sizeof signal) takeSignal(signal.ssi_signo);
  }

  void takeSignal(uint32_t signal) {
    if (isOurs(signal)) return;
    if (hasTerminal() && signal == SIGWINCH) return relay_.resize();
    if (hasTerminal() && signal == SIGCONT) relay_.resume();
    // It has ended, or has become somebody whom we may not signal: no one is left here to complain to.
    [[maybe_unused]] int sent = sys::pidfdSendSignal(o_.pidfd, static_cast<int>(signal));
  }

  World& w_;
  const op::Supervise& o_;
  Relay relay_;
  Fd signals_;
  bool isHeld_ = false;  // ended, and not ours to reap yet
};

}  // namespace

Failure run(World& w, const op::Supervise& o) {
  Supervisor supervisor(w, o);
  if (auto f = supervisor.begin()) return f;
  return supervisor.run();
}

Failure run(World& w, const op::ExitAsProcess&) {
  if (!w.ending.known) return {ECHILD, "waitid"};
  _exit(w.ending.signaled ? 128 + w.ending.code : w.ending.code);
}
