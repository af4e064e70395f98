// The container's terminal.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>

#include "conversation.h"

namespace {

constexpr unsigned ptmxMajor = 5;
constexpr unsigned ptmxMinor = 2;
constexpr unsigned long ioctlUnlock = 0x40045431;  // TIOCSPTLCK
constexpr unsigned long ioctlOpenPeer = 0x5441;    // TIOCGPTPEER
constexpr unsigned firstPtyMajor = 136;
constexpr unsigned lastPtyMajor = 143;

// An image may hold anything at /dev/pts: only a real devpts hands out terminals.
Failure requireDevpts(int fd) {
  struct statfs fs{};
  if (auto f = check(::fstatfs(fd, &fs), "fstatfs")) return f;
  return fs.f_type == sys::devptsSuperMagic ? success : Failure{ENOTTY, "openat2"};
}

Failure requireDevice(int fd, struct stat& st) {
  if (auto f = requireDevpts(fd)) return f;
  if (auto f = check(::fstat(fd, &st), "fstat")) return f;
  return S_ISCHR(st.st_mode) ? success : Failure{ENOTTY, "openat2"};
}

Failure openInRoot(const World& w, const char* path, int flags, Fd& out) {
  sys::OpenHow how{.flags = static_cast<uint64_t>(flags | O_CLOEXEC),
                   .resolve = sys::resolveInRoot | sys::resolveNoMagiclinks};
  return adopt(out, sys::openat2(w.root.get(), path, how), "openat2");
}

Failure openMaster(World& w, Fd& out) {
  w.say("/dev/pts/ptmx");
  Fd pts;
  if (auto f = openInRoot(w, "dev/pts", O_PATH | O_DIRECTORY, pts)) return f;
  if (auto f = requireDevpts(pts.get())) return f;
  // Opening has effects (a watchdog starts, a tape winds back), so it comes last: a devpts has no names but its own,
  // and nothing that is mounted over one is crossed into.
  sys::OpenHow how{.flags = O_RDWR | O_NOCTTY | O_CLOEXEC,
                   .resolve = sys::resolveBeneath | sys::resolveNoXdev | sys::resolveNoSymlinks};
  Fd master;
  if (auto f = adopt(master, sys::openat2(pts.get(), "ptmx", how), "openat2")) return f;
  struct stat st{};
  if (auto f = requireDevice(master.get(), st)) return f;
  if (st.st_rdev != makedev(ptmxMajor, ptmxMinor)) return {ENOTTY, "openat2"};
  const int unlocked = 0;
  if (auto f = check(::ioctl(master.get(), ioctlUnlock, &unlocked), "ioctl(TIOCSPTLCK)")) return f;
  out = static_cast<Fd&&>(master);
  return success;
}

// By the master's own word, not by the path /dev/pts/N, which the container could have replaced (CVE-2025-52565).
Failure openPeer(int master, Fd& out) {
  Fd slave;
  if (auto f = adopt(slave, ::ioctl(master, ioctlOpenPeer, O_RDWR | O_NOCTTY | O_CLOEXEC), "ioctl(TIOCGPTPEER)"))
    return f;
  struct stat st{};
  if (auto f = requireDevice(slave.get(), st)) return f;
  unsigned number = major(st.st_rdev);
  if (number < firstPtyMajor || number > lastPtyMajor) return {ENOTTY, "ioctl(TIOCGPTPEER)"};
  out = static_cast<Fd&&>(slave);
  return success;
}

Failure setOwner(int slave, uint32_t uid) {
  struct stat st{};
  if (auto f = check(::fstat(slave, &st), "fstat")) return f;
  return st.st_uid == uid ? success : check(::fchown(slave, uid, static_cast<gid_t>(-1)), "fchown");
}

Failure setSize(int slave, const op::OpenConsole& o) {
  if (o.width == 0 || o.height == 0) return success;
  if (o.width > UINT16_MAX || o.height > UINT16_MAX) return {ERANGE, "ioctl(TIOCSWINSZ)"};
  winsize size{};
  size.ws_col = static_cast<unsigned short>(o.width);
  size.ws_row = static_cast<unsigned short>(o.height);
  return check(::ioctl(slave, TIOCSWINSZ, &size), "ioctl(TIOCSWINSZ)");
}

constexpr uint32_t onlyWhereItIs = 2;

Failure makeConsole(int dev) {
  constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
  Fd made(::openat(dev, "console", flags, 0600));
  return made.valid() || errno == EEXIST ? success : Failure{errno, "openat"};
}

// The last component is never followed and never replaced: a link there is somebody's attempt.
Failure openConsoleTarget(World& w, bool make, Fd& out) {
  w.say("/dev/console");
  Fd dev;
  if (auto f = openInRoot(w, "dev", O_PATH | O_DIRECTORY, dev)) return f;
  if (make) {
    if (auto f = makeConsole(dev.get())) return f;
  }
  Fd target;
  if (auto f = adopt(target, ::openat(dev.get(), "console", O_PATH | O_NOFOLLOW | O_CLOEXEC), "openat")) return f;
  struct stat st{};
  if (auto f = check(::fstat(target.get(), &st), "fstat")) return f;
  if (S_ISLNK(st.st_mode)) return {ELOOP, "openat"};
  out = static_cast<Fd&&>(target);
  return success;
}

Failure bindConsole(World& w, int slave, uint32_t how) {
  Fd target;
  auto missing = openConsoleTarget(w, how != onlyWhereItIs, target);
  if (missing) return how == onlyWhereItIs && missing.err == ENOENT ? success : missing;
  constexpr unsigned clone = sys::openTreeClone | sys::openTreeCloexec | sys::atEmptyPath;
  Fd tree;
  if (auto f = adopt(tree, sys::openTree(slave, "", clone), "open_tree")) return f;
  constexpr unsigned both = sys::moveMountFromEmptyPath | sys::moveMountToEmptyPath;
  return check(sys::moveMount(tree.get(), "", target.get(), "", both), "move_mount");
}

Failure becomeStdio(int slave) {
  if (auto f = check(::ioctl(slave, TIOCSCTTY, 0), "ioctl(TIOCSCTTY)")) return f;
  for (int fd = 0; fd <= 2; ++fd) {
    if (auto f = check(::dup2(slave, fd), "dup2")) return f;
  }
  return success;
}

}  // namespace

Failure run(World& w, const op::OpenConsole& o) {
  Fd master;
  Fd slave;
  if (auto f = openMaster(w, master)) return f;
  if (auto f = openPeer(master.get(), slave)) return f;
  if (auto f = setSize(slave.get(), o)) return f;
  if (auto f = setOwner(slave.get(), o.uid)) return f;
  if (o.bindConsole != 0) {
    if (auto f = bindConsole(w, slave.get(), o.bindConsole)) return f;
  }
  w.detail[0] = 0;
  if (auto f = tell(w, MessageType::console, 0, master.get())) return f;
  return becomeStdio(slave.get());
}
