#include "relay.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

namespace {

constexpr int stdinFd = 0;
constexpr int stdoutFd = 1;

// While no process holds the container's terminal the kernel reports nothing but that, and has no event for the moment
// when one opens it again (a getty after vhangup): the only wait here that has to look from time to time.
constexpr int reopenedCheckMs = 100;

// More than a terminal holds (TTYB_DEFAULT_MEM_LIMIT of the kernel, 640 kB): whatever comes after that was written when
// the process had ended, by one that it left behind and that may never end.
constexpr size_t mostUnread = size_t{1} << 20;

bool again(long result) { return result < 0 && (errno == EAGAIN || errno == EINTR); }

short when(bool wanted, short event) { return wanted ? event : short{0}; }

// poll reports POLLHUP whether asked or not: what has nothing to tell us is left out.
pollfd watch(int fd, int events) { return {events == 0 ? -1 : fd, static_cast<short>(events), 0}; }

// Late news of children or of the window is no reason to drop output.
bool askedToEnd(int signals) {
  signalfd_siginfo signal{};
  while (::read(signals, &signal, sizeof signal) == sizeof signal) {
    switch (signal.ssi_signo) {
      case SIGHUP:
      case SIGINT:
      case SIGQUIT:
      case SIGTERM:
        return true;
      default:
        break;
    }
  }
  return false;
}

}  // namespace

RawMode::~RawMode() {
  if (entered_) ::tcsetattr(stdinFd, TCSANOW, &before_);
}

void RawMode::enter() {
  if (::tcgetpgrp(stdinFd) != ::getpgrp()) return;
  termios mode{};
  if (::tcgetattr(stdinFd, &mode) < 0) return;
  if (!entered_) before_ = mode;
  ::cfmakeraw(&mode);
  entered_ = ::tcsetattr(stdinFd, TCSANOW, &mode) == 0 || entered_;
}

long Channel::fill(int from) {
  long size = ::read(from, bytes_, sizeof bytes_);
  start_ = 0;
  end_ = size > 0 ? static_cast<size_t>(size) : 0;
  return size;
}

long Channel::flush(int to) {
  long size = ::write(to, bytes_ + start_, end_ - start_);
  if (size > 0) start_ += static_cast<size_t>(size);
  return size;
}

Failure Relay::begin() {
  // The master is ours alone, unlike fds 0 and 1, whose flags our caller shares: these must not change.
  int flags = ::fcntl(master_, F_GETFL);
  if (flags < 0) return {errno, "fcntl"};
  if (auto f = check(::fcntl(master_, F_SETFL, flags | O_NONBLOCK), "fcntl")) return f;
  resize();
  raw_.enter();
  return success;
}

int Relay::prepare(pollfd (&watched)[pollCount]) const {
  bool wantInput = inputOpen_ && !inputPaused_ && !input_.pending();
  int master = when(!output_.pending(), POLLIN) | when(input_.pending(), POLLOUT);
  watched[0] = watch(stdinFd, when(wantInput, POLLIN));
  watched[1] = watch(master_, hungUp_ ? 0 : master);
  watched[2] = watch(stdoutFd, when(output_.pending(), POLLOUT));
  return hungUp_ ? reopenedCheckMs : -1;
}

void Relay::handle(const pollfd (&watched)[pollCount]) {
  if (hungUp_) readMaster();
  if (watched[0].revents != 0) readInput();
  if (watched[1].revents != 0) {
    if (input_.pending()) writeMaster();
    if (!output_.pending()) readMaster();
  }
  if (watched[2].revents != 0 && output_.pending()) writeOutput();
}

void Relay::resize() const {
  winsize size{};
  // No window, no size: fd 0 may be a file.
  if (::ioctl(stdinFd, TIOCGWINSZ, &size) == 0) ::ioctl(master_, TIOCSWINSZ, &size);
}

void Relay::resume() {
  inputPaused_ = false;
  raw_.enter();
  resize();
}

void Relay::readInput() {
  long size = input_.fill(stdinFd);
  if (size > 0 || again(size)) return;
  // A background process may not read the terminal (SIGTTIN is blocked here, so it is EIO): wait for SIGCONT. The end
  // of the input ends nothing else: the program may live on its own.
  if (size < 0 && errno == EIO) {
    inputPaused_ = true;
  } else {
    inputOpen_ = false;
  }
}

void Relay::readMaster() {
  if (output_.pending()) return;
  long size = output_.fill(master_);
  hungUp_ = size == 0 || (size < 0 && !again(size));
  if (size > 0 && outputBroken_) output_.discard();
}

void Relay::writeMaster() {
  long size = input_.flush(master_);
  // With nobody at the other end the keystrokes are for nobody.
  if (size < 0 && !again(size)) input_.discard();
}

void Relay::writeOutput() {
  long size = output_.flush(stdoutFd);
  if (size >= 0 || again(size)) return;
  // Our reader went away. The container must not stop at a full terminal because of that.
  outputBroken_ = true;
  output_.discard();
}

void Relay::finish(int interrupted) {
  size_t passed = 0;
  for (;;) {
    if (!output_.pending()) {
      if (passed > mostUnread) return;
      hungUp_ = false;
      readMaster();
      // Empty or hung up: the kernel passes on what was written before it answers either.
      if (!output_.pending()) return;
      passed += output_.size();
    }
    pollfd watched[2] = {{stdoutFd, POLLOUT, 0}, {interrupted, POLLIN, 0}};
    if (::poll(watched, 2, -1) < 0 && errno != EINTR) return;
    if (watched[1].revents != 0 && askedToEnd(interrupted)) return;
    if (watched[0].revents != 0) writeOutput();
  }
}
