// What a foreground `run` leaves to its monitor: removing the container.
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include "environment.h"
#include "signals.h"
#include "world.h"

namespace {

int64_t nowMs() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * int64_t{1000} + t.tv_nsec / 1000000;
}

void sleepMs(long ms) {
  timespec t{ms / 1000, ms % 1000 * 1000000};
  ::nanosleep(&t, nullptr);
}

bool isGone(int result) { return result == 0 || errno == ENOENT; }

// A cgroup counts its children as links; one that has some will not become removable by waiting.
bool hasChildren(const char* directory) {
  struct stat st{};
  return ::stat(directory, &st) == 0 && st.st_nlink > 2;
}

// The kernel empties a cgroup some moments after its last process was reaped, and v1 has no event for it: try again,
// ever less often, until the deadline.
bool removeCgroup(const char* directory, int64_t deadline) {
  for (long pause = 1;; pause *= 2) {
    if (isGone(::rmdir(directory))) return true;
    int64_t left = deadline - nowMs();
    if (errno != EBUSY || left <= 0 || hasChildren(directory)) return false;
    sleepMs(pause < left ? pause : static_cast<long>(left));
  }
}

bool removeCgroups(const op::CleanUp& o) {
  bool clean = true;
  int64_t deadline = nowMs() + o.graceMilliseconds;
  for (Str directory : o.cgroups) clean = removeCgroup(directory.data, deadline) && clean;
  // Other containers may have theirs below the same parent: who is last removes it.
  for (Str directory : o.parents) [[maybe_unused]]
    int left = ::rmdir(directory.data);
  return clean;
}

bool removeState(const op::CleanUp& o) {
  bool clean = true;
  for (Str file : o.files) clean = isGone(::unlink(file.data)) && clean;
  for (Str directory : o.directories) clean = isGone(::rmdir(directory.data)) && clean;
  return clean;
}

constexpr int cannotRun = 127;

// It reports its own failures; only that it could not be run is ours to tell.
Failure runFallback(World& w, const Strs& argv) {
  CStrings args;
  if (auto f = args.assign(argv, nullptr)) return f;
  int pid = ::fork();
  if (pid < 0) return {errno, "fork"};
  if (pid == 0) {
    if (!resetSignals()) ::execve(args.get()[0], args.get(), environ);
    _exit(cannotRun);
  }
  siginfo_t end{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &end, WEXITED) < 0) {
    if (errno != EINTR) return {errno, "waitid"};
  }
  if (end.si_code != CLD_EXITED || end.si_status != cannotRun) return success;
  w.say("%s", args.get()[0]);
  return {ENOEXEC, "execve"};
}

}  // namespace

Failure run(World& w, const op::CleanUp& o) {
  // The state is what the fallback finds the rest by: it goes last, and only when nothing else is left.
  if (o.always == 0 && removeCgroups(o) && removeState(o)) return success;
  return o.fallback.empty() ? success : runFallback(w, o.fallback);
}
