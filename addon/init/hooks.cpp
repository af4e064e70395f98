// Running a hook and waiting for its end.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "environment.h"
#include "world.h"

namespace {

// The last of what a hook wrote: shown where it fails.
class Tail {
 public:
  void add(const char* bytes, size_t size) {
    for (size_t i = 0; i < size; ++i) text_[written_++ % sizeof text_] = bytes[i];
  }
  // Copies what is kept, oldest first, without the line ends around it.
  void copyTo(char* out, size_t capacity) const {
    size_t kept = written_ < sizeof text_ ? written_ : sizeof text_;
    if (kept >= capacity) kept = capacity - 1;
    size_t size = 0;
    for (size_t i = written_ - kept; i < written_; ++i) {
      char c = text_[i % sizeof text_];
      if (size > 0 || c != '\n') out[size++] = c;
    }
    while (size > 0 && out[size - 1] == '\n') --size;
    out[size] = 0;
  }

 private:
  char text_[360] = "";
  size_t written_ = 0;
};

struct Pipe {
  Fd readEnd;
  Fd writeEnd;
  Failure open(int flags) {
    int ends[2];
    if (auto f = check(::pipe2(ends, O_CLOEXEC | flags), "pipe2")) return f;
    readEnd.reset(ends[0]);
    writeEnd.reset(ends[1]);
    return success;
  }
};

struct Hook {
  int pid = -1;
  Fd pidfd;
  Fd output;
};

Failure writeAll(int fd, const char* bytes, size_t size) {
  while (size > 0) {
    ssize_t written = ::write(fd, bytes, size);
    if (written < 0) return {errno, "write"};
    bytes += written;
    size -= static_cast<size_t>(written);
  }
  return success;
}

// The state goes into a file in memory rather than a pipe: a hook that does not read it cannot make us wait, nor end us
// by SIGPIPE, and one that reads it finds its end all the same.
Failure makeInput(const op::RunHook& o, Fd& out) {
  Fd input;
  if (auto f = adopt(input, ::memfd_create("tsrunc-hook-state", MFD_CLOEXEC), "memfd_create")) return f;
  char pid[16];
  int size = snprintf(pid, sizeof pid, "%ld", ::syscall(SYS_getpid));
  if (auto f = writeAll(input.get(), o.statePrefix.data, o.statePrefix.size)) return f;
  if (auto f = writeAll(input.get(), pid, static_cast<size_t>(size))) return f;
  if (auto f = writeAll(input.get(), o.stateSuffix.data, o.stateSuffix.size)) return f;
  if (auto f = check(::lseek(input.get(), 0, SEEK_SET), "lseek")) return f;
  out = static_cast<Fd&&>(input);
  return success;
}

// In the child. Sends the errno through `error` where the hook cannot be executed; else exec closes it.
[[noreturn]] void becomeHook(const char* path, char* const* argv, char* const* env, int input, int output, int error) {
  constexpr int errorFd = 3;
  // A group of its own, so that a timeout can end what the hook started as well.
  bool ready = ::setpgid(0, 0) == 0 && ::dup2(input, 0) >= 0 && ::dup2(output, 1) >= 0 && ::dup2(output, 2) >= 0;
  // Where `error` is fd 3 already, dup2 changes nothing, close-on-exec included.
  if (ready && ::dup2(error, errorFd) >= 0) {
    error = errorFd;
    ready = ::fcntl(error, F_SETFD, FD_CLOEXEC) == 0 && sys::closeRange(errorFd + 1, ~0U, 0) == 0;
    if (ready) ::execve(path, argv, env);
  }
  int err = errno;
  // A parent that is gone needs no answer.
  [[maybe_unused]] ssize_t told = ::write(error, &err, sizeof err);
  _exit(127);
}

// Answers 0 where the hook runs, else the errno of its execve.
int readExecError(int fd) {
  int err = 0;
  ssize_t size = 0;
  do {
    size = ::read(fd, &err, sizeof err);
  } while (size < 0 && errno == EINTR);
  return size == sizeof err ? err : 0;
}

Failure reap(int pid, siginfo_t& end) {
  while (::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED) < 0) {
    if (errno != EINTR) return {errno, "waitid"};
  }
  return success;
}

Failure startHook(const op::RunHook& o, Hook& out) {
  CStrings args;
  CStrings env;
  Fd input;
  Pipe output;
  Pipe error;
  if (auto f = args.assign(o.args, nullptr)) return f;
  if (auto f = env.assign(o.env, nullptr)) return f;
  if (auto f = makeInput(o, input)) return f;
  if (auto f = output.open(0)) return f;
  if (auto f = error.open(0)) return f;
  out.pid = ::fork();
  if (out.pid < 0) return {errno, "fork"};
  if (out.pid == 0) {
    becomeHook(o.path.data, args.get(), env.get(), input.get(), output.writeEnd.get(), error.writeEnd.get());
  }
  // Not reaped yet, so the number is its own still.
  Failure opened = adopt(out.pidfd, sys::pidfdOpen(out.pid), "pidfd_open");
  error.writeEnd.reset();
  int err = readExecError(error.readEnd.get());
  if (err == 0 && !opened) {
    out.output = static_cast<Fd&&>(output.readEnd);
    // Only our end, which nobody shares, must not block.
    return check(::fcntl(out.output.get(), F_SETFL, O_NONBLOCK), "fcntl");
  }
  if (opened) ::kill(out.pid, SIGKILL);
  siginfo_t end{};
  if (auto f = reap(out.pid, end)) return f;
  return opened ? opened : Failure{err, "execve"};
}

int64_t now() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * int64_t{1000} + t.tv_nsec / 1000000;
}

// Takes what is there, which is what a pipe holds at most; who writes faster than we read must not keep us from looking
// at the clock. False where nothing will be read any more: at the end, or because a filter denies the call with
// whatever errno (nobody else reads, so that a pipe which poll calls ready is). It stays open even so, or a write would
// end the hook.
bool drain(int output, Tail& tail) {
  constexpr size_t most = size_t{1} << 20;
  char buffer[4096];
  for (size_t taken = 0; taken < most;) {
    ssize_t size = ::read(output, buffer, sizeof buffer);
    if (size <= 0) return size < 0 && taken > 0;
    tail.add(buffer, static_cast<size_t>(size));
    taken += static_cast<size_t>(size);
  }
  return true;
}

// Until the hook itself ends: what it left in the background may keep the pipe open for ever.
Failure watch(Hook& hook, uint32_t timeoutSeconds, Tail& tail, bool& timedOut) {
  const int64_t deadline = now() + int64_t{timeoutSeconds} * 1000;
  const int output = hook.output.get();
  bool readable = true;
  for (;;) {
    int64_t left = deadline - now();
    timedOut = timeoutSeconds != 0 && left <= 0;
    if (timedOut) return success;
    constexpr int64_t longest = 3600 * 1000;
    int wait = timeoutSeconds == 0 ? -1 : static_cast<int>(left < longest ? left : longest);
    pollfd watched[2] = {{hook.pidfd.get(), POLLIN, 0}, {readable ? output : -1, POLLIN, 0}};
    if (::poll(watched, 2, wait) < 0 && errno != EINTR) return {errno, "poll"};
    if (watched[1].revents != 0) readable = drain(output, tail);
    if (watched[0].revents == 0) continue;
    if (readable) drain(output, tail);
    return success;
  }
}

Failure judge(World& w, const siginfo_t& end, const Tail& tail) {
  if (end.si_code == CLD_EXITED && end.si_status == 0) return success;
  char said[361];
  tail.copyTo(said, sizeof said);
  const char* how = end.si_code == CLD_EXITED ? "exit status" : "killed by signal";
  w.say("%s %d%s%s", how, end.si_status, said[0] == 0 ? "" : ": ", said);
  return {ECANCELED, "hook"};
}

}  // namespace

// Failures of a hook that ran: ECANCELED "hook" with "exit status 3: <the end of its output>" or "killed by signal 9",
// ETIMEDOUT "hook" with "timed out after 2 s". One that could not run: errno of "execve".
Failure run(World& w, const op::RunHook& o) {
  Hook hook;
  if (auto f = startHook(o, hook)) return f;
  Tail tail;
  bool timedOut = false;
  Failure watched = watch(hook, o.timeoutSeconds, tail, timedOut);
  // Its own process group first; the leader is not reaped yet, so the number belongs to nobody else.
  if (watched || timedOut) ::kill(-hook.pid, SIGKILL);
  siginfo_t end{};
  if (auto f = reap(hook.pid, end)) return f;
  if (watched) return watched;
  if (!timedOut) return judge(w, end, tail);
  w.say("timed out after %u s", o.timeoutSeconds);
  return {ETIMEDOUT, "hook"};
}
