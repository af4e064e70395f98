#include "world.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statfs.h>

namespace {

constexpr ino_t procRootInode = 1;

Failure requireProcfs(int fd, const char* call) {
  struct statfs fs{};
  if (auto f = check(::fstatfs(fd, &fs), "fstatfs")) return f;
  return fs.f_type == sys::procSuperMagic ? success : Failure{EXDEV, call};
}

// Nobody else can mount over anything in a mount that is attached nowhere.
Failure makeProcfs(Fd& out) {
  Fd context;
  if (auto f = adopt(context, sys::fsopen("proc", sys::fsopenCloexec), "fsopen")) return f;
  if (auto f = check(sys::fsconfig(context.get(), sys::fsconfigCreate, nullptr, nullptr, 0), "fsconfig")) return f;
  constexpr auto attrs = sys::mountAttrNosuid | sys::mountAttrNodev | sys::mountAttrNoexec;
  return adopt(out, sys::fsmount(context.get(), sys::fsmountCloexec, attrs), "fsmount");
}

Failure findProcfs(int root, const char* path, Fd& out) {
  sys::OpenHow how{.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = sys::resolveNoSymlinks};
  Fd proc;
  if (auto f = adopt(proc, sys::openat2(root, path, how), "openat2")) return f;
  if (auto f = requireProcfs(proc.get(), "openat2")) return f;
  struct stat st{};
  if (auto f = check(::fstat(proc.get(), &st), "fstat")) return f;
  // A directory of some procfs bound over /proc has the right magic, but it is not the root.
  if (st.st_ino != procRootInode) return {EXDEV, "openat2"};
  out = static_cast<Fd&&>(proc);
  return success;
}

Failure openBeneath(int proc, const char* path, int flags, Fd& out) {
  sys::OpenHow how{.flags = static_cast<uint64_t>(flags | O_CLOEXEC),
                   .resolve = sys::resolveBeneath | sys::resolveNoXdev | sys::resolveNoMagiclinks};
  Fd file;
  if (auto f = adopt(file, sys::openat2(proc, path, how), "openat2")) return f;
  if (auto f = requireProcfs(file.get(), "openat2")) return f;
  out = static_cast<Fd&&>(file);
  return success;
}

}  // namespace

void World::say(const char* format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(detail, sizeof detail, format, args);
  va_end(args);
}

Failure World::procfs(int& out) {
  if (!procfs_.valid() && makeProcfs(procfs_)) {
    if (auto f = findProcfs(AT_FDCWD, "/proc", procfs_)) return f;
  }
  out = procfs_.get();
  return success;
}

// AppArmor judges by path, and of a procfs that is attached nowhere it sees the path below the root of that: sys/net is
// /sys/net, which profiles of containers deny (LXC's). A runtime inside of such a container needs one that is attached:
// the new container's, whose paths are still free, or else the one here.
Failure World::openProc(const char* path, int flags, Fd& out) {
  int proc = -1;
  if (auto f = procfs(proc)) return f;
  auto f = openBeneath(proc, path, flags, out);
  if (f.err != EACCES) return f;
  Fd attached;
  bool found = root.valid() && !findProcfs(root.get(), "proc", attached);
  if (!found && findProcfs(AT_FDCWD, "/proc", attached)) return f;
  return openBeneath(attached.get(), path, flags, out) ? f : success;
}

void World::closePartFd(int fd) {
  for (uint32_t i = 0; i < partFdCount; ++i) {
    if (partFds[i].get() == fd) partFds[i].reset();
  }
}
