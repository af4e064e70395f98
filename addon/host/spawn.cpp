#include "spawn.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <string>
#include <vector>

#include "clone.h"
#include "image.h"

namespace host {
namespace {

// Shared with the child, which writes its failure into it: with CLONE_VM our memory is its memory.
struct Start {
  FdLayout fds;
  int program;
  const char* const* argv;
  long error;
  const char* call;
};

constexpr const char* noEnvironment[] = {nullptr};

// Runs in the child, on borrowed memory: raw system calls only, see clone.h.
int startHelper(void* context) {
  auto* start = static_cast<Start*>(context);
  start->error = arrangeFds(start->fds, &start->program, &start->call);
  if (start->error < 0) return 127;
  start->call = "execveat";
  start->error = rawCall(SYS_execveat, start->program, reinterpret_cast<long>(""), reinterpret_cast<long>(start->argv),
                         reinterpret_cast<long>(noEnvironment), AT_EMPTY_PATH);
  return 127;
}

// The child reported its failure and exits; no zombie may stay.
Failure buried(const Child& child, const Start& start) {
  siginfo_t info{};
  while (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(child.pidfd.get()), &info, WEXITED) < 0 &&
         errno == EINTR) {
  }
  return Failure{static_cast<int>(-start.error), start.call};
}

Outcome<Child> runHelper(const SpawnRequest& request, const std::vector<int>& fds) {
  const Outcome<int> image = helperImage();
  if (image.failure) return image.failure;
  const std::string extraFds = std::to_string(fds.size() - 4);  // without stdio and the conversation
  const char* const argv[] = {"tsrunc-init", extraFds.c_str(), nullptr};
  std::vector<int> raised(fds.size());
  Start start{{fds.data(), raised.data(), static_cast<int>(fds.size())}, image.value, argv, 0, ""};
  ChildStack stack;
  Outcome<Child> child = cloneSharing({request.cloneFlags | CLONE_VFORK, request.cgroupFd, startHelper, &start}, stack);
  if (!child.failure && start.error < 0) return buried(child.value, start);
  return child;
}

}  // namespace

Outcome<Spawned> spawn(const SpawnRequest& request) {
  if (request.cloneFlags & CLONE_NEWUSER || request.fds.size() < 3) return Failure{EINVAL, "clone3"};
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) return failed("socketpair");
  Fd ours(pair[0]);
  const Fd theirs(pair[1]);
  std::vector<int> fds(request.fds.begin(), request.fds.end());
  fds.push_back(theirs.get());
  Outcome<Child> child = runHelper(request, fds);
  if (child.failure) return child.failure;
  return Spawned{child.value.pid, std::move(child.value.pidfd), std::move(ours)};
}

}  // namespace host
