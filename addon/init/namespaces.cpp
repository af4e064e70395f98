// Operations that decide where this process lives: namespaces, cgroups, session, keyring.
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include "conversation.h"
#include "signals.h"

namespace {

constexpr int keyctlSetPermissions = 5;
constexpr int keyctlDescribe = 6;
constexpr int keyctlJoinSession = 1;
constexpr unsigned long keyOwnerMaySearch = 0x00080000;

constexpr int firstFd = 0;
constexpr int lastStdFd = 2;

Failure blockOnIo(int fd) {
  int flags = ::fcntl(fd, F_GETFL);
  // The caller may have closed it; that is no business of ours.
  if (flags < 0) return errno == EBADF ? success : Failure{errno, "fcntl"};
  if ((flags & O_NONBLOCK) == 0) return success;
  return check(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), "fcntl");
}

// What is not dumpable owns nothing of its own /proc entry. Changing identity takes that away (prctl(2)), so it is
// given back for the moment of one write, and taken again: a process of the same user namespace could trace us
// (CVE-2016-9962).
class BrieflyDumpable {
 public:
  BrieflyDumpable() : before_(sys::prctl(PR_GET_DUMPABLE)) {
    if (before_ != 1) sys::prctl(PR_SET_DUMPABLE, 1);
  }
  ~BrieflyDumpable() {
    if (before_ != 1) sys::prctl(PR_SET_DUMPABLE, 0);
  }
  BrieflyDumpable(const BrieflyDumpable&) = delete;
  BrieflyDumpable& operator=(const BrieflyDumpable&) = delete;

 private:
  int before_;
};

// The permissions stand between the third and the fourth semicolon of "type;uid;gid;perm;description".
bool parsePermissions(const char* description, unsigned long& out) {
  const char* at = description;
  for (int field = 0; field < 3; ++field) {
    at = strchr(at, ';');
    if (at == nullptr) return false;
    ++at;
  }
  char* end = nullptr;
  out = strtoul(at, &end, 16);
  return end != at && *end == ';';
}

Failure letOwnerSearch(long keyring) {
  char description[256] = "";
  if (auto f = check(::syscall(SYS_keyctl, keyctlDescribe, keyring, description, sizeof description - 1), "keyctl"))
    return f;
  unsigned long permissions = 0;
  if (!parsePermissions(description, permissions)) return {EBADMSG, "keyctl"};
  return check(::syscall(SYS_keyctl, keyctlSetPermissions, keyring, permissions | keyOwnerMaySearch), "keyctl");
}

}  // namespace

Failure run(World&, const op::ResetProcess&) {
  for (int fd = firstFd; fd <= lastStdFd; ++fd) {
    if (auto f = blockOnIo(fd)) return f;
  }
  return resetSignals();
}

// Closed at once: a process that goes on into the container's namespaces holds no file of the host that it could do
// without (CVE-2016-9962).
Failure run(World& w, const op::JoinCgroup& o) {
  Failure f = check(::write(o.file, "0", 1), "write");
  w.closePartFd(o.file);
  return f.err == ENODEV && o.mayVanish != 0 ? success : f;
}

Failure run(World&, const op::JoinNamespace& o) {
  return check(::setns(o.namespace_, static_cast<int>(o.flag)), "setns");
}

Failure run(World& w, const op::JoinProcess& o) {
  Failure f = check(::setns(o.process, static_cast<int>(o.flags)), "setns");
  w.closePartFd(o.process);
  return f;
}

Failure run(World&, const op::Unshare& o) { return check(::unshare(static_cast<int>(o.flags)), "unshare"); }

Failure run(World& w, const op::Ask& o) {
  if (auto f = tell(w, MessageType::ask, o.question)) return f;
  bool answered = false;
  if (auto f = waitForGo(w.conversation.get(), answered)) return f;
  // The runtime gave up; whatever it has to say it says itself.
  if (!answered) _exit(1);
  return success;
}

Failure run(World&, const op::DropGroups& o) {
  if (::setgroups(0, nullptr) == 0 || (o.whereAllowed != 0 && errno == EPERM)) return success;
  return {errno, "setgroups"};
}

Failure run(World&, const op::AssumeIdentity& o) {
  if (auto f = check(::setresgid(o.gid, o.gid, o.gid), "setresgid")) return f;
  return check(::setresuid(o.uid, o.uid, o.uid), "setresuid");
}

Failure run(World& w, const op::SetTimeOffset& o) {
  BrieflyDumpable dumpable;
  Fd file;
  if (auto f = w.openProc("self/timens_offsets", O_WRONLY, file)) return f;
  char line[64];
  int size = snprintf(line, sizeof line, "%u %lld %u\n", o.clock, static_cast<long long>(o.seconds), o.nanoseconds);
  return check(::write(file.get(), line, static_cast<size_t>(size)), "write");
}

// The child tells of itself, by a pidfd of its own: what it sends afterwards cannot overtake that. A pidfd has no
// namespace, so its number inside does not matter to the runtime.
Failure run(World& w, const op::Fork& o) {
  // With CLONE_PARENT the exit signal is ours, that is SIGCHLD to the runtime, and must not be given.
  long child = sys::clone3({.flags = o.flags | sys::cloneParent});
  if (child < 0) return {errno, "clone3"};
  if (child > 0) _exit(0);
  // A procfs of the pid namespace that was left does not know us by the number that we have now.
  w.forgetProcfs();
  Fd self;
  if (auto f = adopt(self, sys::pidfdOpen(static_cast<int>(::syscall(SYS_getpid))), "pidfd_open")) return f;
  return tell(w, MessageType::forked, 0, self.get());
}

Failure run(World&, const op::Protect&) { return check(sys::prctl(PR_SET_DUMPABLE, 0), "prctl"); }

Failure run(World&, const op::StartSession&) { return check(::setsid(), "setsid"); }

Failure run(World&, const op::JoinKeyring& o) {
  long keyring = ::syscall(SYS_keyctl, keyctlJoinSession, o.name.data);
  // A kernel without keyrings has none that the container could share.
  if (keyring < 0) return errno == ENOSYS ? success : Failure{errno, "keyctl"};
  return letOwnerSearch(keyring);
}

Failure run(World&, const op::BringLoopbackUp&) {
  Fd socket;
  // Interface requests work on any socket; AF_UNIX is there even where the kernel has no IPv4.
  if (auto f = adopt(socket, ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), "socket")) return f;
  ifreq request{};
  memcpy(request.ifr_name, "lo", sizeof "lo");
  if (auto f = check(::ioctl(socket.get(), SIOCGIFFLAGS, &request), "ioctl(SIOCGIFFLAGS)")) return f;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return check(::ioctl(socket.get(), SIOCSIFFLAGS, &request), "ioctl(SIOCSIFFLAGS)");
}
