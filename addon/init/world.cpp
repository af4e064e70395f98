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

Failure findProcfs(Fd& out) {
  Fd proc;
  if (auto f = adopt(proc, ::open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), "open")) return f;
  if (auto f = requireProcfs(proc.get(), "open")) return f;
  struct stat st{};
  if (auto f = check(::fstat(proc.get(), &st), "fstat")) return f;
  // A directory of some procfs bound over /proc has the right magic, but it is not the root.
  if (st.st_ino != procRootInode) return {EXDEV, "open"};
  out = static_cast<Fd&&>(proc);
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
    if (auto f = findProcfs(procfs_)) return f;
  }
  out = procfs_.get();
  return success;
}

Failure World::openProc(const char* path, int flags, Fd& out) {
  int proc = -1;
  if (auto f = procfs(proc)) return f;
  sys::OpenHow how{.flags = static_cast<uint64_t>(flags | O_CLOEXEC),
                   .resolve = sys::resolveBeneath | sys::resolveNoXdev | sys::resolveNoMagiclinks};
  Fd file;
  if (auto f = adopt(file, sys::openat2(proc, path, how), "openat2")) return f;
  if (auto f = requireProcfs(file.get(), "openat2")) return f;
  out = static_cast<Fd&&>(file);
  return success;
}

void World::closePartFd(int fd) {
  for (uint32_t i = 0; i < partFdCount; ++i) {
    if (partFds[i].get() == fd) partFds[i].reset();
  }
}
