// A user namespace exists only through a process in it: one is made that waits, its namespace is opened, and it goes.
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clone.h"
#include "pidfd.h"
#include "tree.h"

namespace host {
namespace {

// Runs beside us in our memory until it is killed, or with us when we are. Only SIGKILL gets through to it.
int waitToBeKilled(void*) {
  rawCall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL);
  const uint64_t all = ~uint64_t{0};
  for (;;) rawCall(SYS_rt_sigsuspend, reinterpret_cast<long>(&all), sizeof all);
}

Failure writeMap(int pid, const char* file, std::span<const IdMap> map) {
  std::string text;
  for (const IdMap& entry : map) {
    text += std::to_string(entry.containerId) + ' ' + std::to_string(entry.hostId) + ' ' + std::to_string(entry.size) +
            '\n';
  }
  const Fd opened(::open(("/proc/" + std::to_string(pid) + file).c_str(), O_WRONLY | O_CLOEXEC));
  if (!opened.valid()) return failed("open");
  // One write: the kernel takes a mapping whole or not at all.
  return check(::write(opened.get(), text.data(), text.size()), file + 1);
}

Outcome<Fd> describe(int pid, std::span<const IdMap> uids, std::span<const IdMap> gids) {
  if (const Failure f = writeMap(pid, "/uid_map", uids)) return f;
  if (const Failure f = writeMap(pid, "/gid_map", gids)) return f;
  return owned(::open(("/proc/" + std::to_string(pid) + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC), "open");
}

// Waits until the child is gone: until then it runs on our stack.
Failure end(const Child& child) {
  if (const Failure f = signalProcess(child.pidfd.get(), SIGKILL)) return f;
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &info, WEXITED) < 0) {
    if (errno != EINTR) return failed("waitid");
  }
  return success;
}

}  // namespace

Outcome<Fd> makeUserNamespace(std::span<const IdMap> uids, std::span<const IdMap> gids) {
  ChildStack stack;
  Outcome<Child> child = cloneSharing({CLONE_NEWUSER, -1, waitToBeKilled, nullptr}, stack);
  if (child.failure) return child.failure;
  Outcome<Fd> space = describe(child.value.pid, uids, gids);
  if (const Failure f = end(child.value)) return f;
  return space;
}

}  // namespace host
