// Directories, symbolic links and device nodes. /dev of an image may itself be a symbolic link: its directory is
// resolved inside the root and then only used by descriptor (CVE-2026-41579, CVE-2026-47766).
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "fs_attrs.h"
#include "fs_path.h"

namespace {

// fchmodat2(2) is of Linux 6.6. The number is the same everywhere.
constexpr long fchmodat2Number = 452;

Failure openNode(const Entry& entry, Fd& out) {
  return adopt(out, ::openat(entry.parent.get(), entry.name, O_PATH | O_NOFOLLOW | O_CLOEXEC), "openat");
}

// EEXIST where the open file is not the node that was asked for: something else has the name.
Failure verifyNode(int fd, const op::Device& o, struct stat& st) {
  if (auto f = check(::fstat(fd, &st), "fstat")) return f;
  bool sameType = (st.st_mode & S_IFMT) == (o.mode & S_IFMT);
  bool numbered = S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode);
  bool sameNumbers = !numbered || st.st_rdev == makedev(o.major, o.minor);
  return sameType && sameNumbers ? success : Failure{EEXIST, "mknodat"};
}

// chmod of an O_PATH descriptor. By name it would follow a link put there meanwhile; before Linux 6.6 the only way is
// the descriptor's entry in a trusted procfs.
Failure changeMode(World& w, int fd, mode_t mode) {
  if (::syscall(fchmodat2Number, fd, "", mode, sys::atEmptyPath) == 0) return success;
  if (errno != ENOSYS) return {errno, "fchmodat2"};
  int proc = -1;
  if (auto f = w.procfs(proc)) return f;
  char path[32];
  snprintf(path, sizeof path, "self/fd/%d", fd);
  return check(::fchmodat(proc, path, mode, 0), "fchmodat");
}

Failure makeNode(const Entry& entry, const op::Device& o) {
  FreeUmask umask;
  return check(::mknodat(entry.parent.get(), entry.name, o.mode, makedev(o.major, o.minor)), "mknodat");
}

// Mode and owner are what was asked, and nothing that took the name meanwhile is touched.
Failure settleNode(World& w, int node, const op::Device& o) {
  struct stat st{};
  if (auto f = verifyNode(node, o, st)) return f;
  if (st.st_uid != o.uid || st.st_gid != o.gid) {
    if (auto f = check(::fchownat(node, "", o.uid, o.gid, AT_EMPTY_PATH), "fchownat")) return f;
  }
  return (st.st_mode & 07777) == (o.mode & 07777) ? success : changeMode(w, node, o.mode & 07777);
}

// A node of the image becomes what was asked. One on a mount (a directory of the host, bound there or reached by a link
// of the image) is somebody else's: it stays as it is, and it must be that device.
Failure takeOver(World& w, const Entry& entry, const op::Device& o) {
  Fd node;
  auto f = openInRoot(w, o.path.data, O_PATH | O_NOFOLLOW, sys::resolveNoXdev, node);
  if (f.err != EXDEV) return f ? f : settleNode(w, node.get(), o);
  struct stat st{};
  if (auto g = openNode(entry, node)) return g;
  return verifyNode(node.get(), o, st);
}

Failure bindNode(World& w, const op::Device& o) {
  Fd mount;
  unsigned flags = sys::openTreeClone | sys::openTreeCloexec;
  if (auto f = adopt(mount, sys::openTree(AT_FDCWD, o.fallback.data, flags), "open_tree")) {
    w.say("%s", o.fallback.data);
    return f;
  }
  struct stat st{};
  if (verifyNode(mount.get(), o, st)) {
    w.say("%s is another device", o.fallback.data);
    return {ENODEV, "open_tree"};
  }
  Target target;
  if (auto f = ensureTarget(w, o.path.data, {.kind = Kind::file, .mode = 0644}, target)) return f;
  return attachAsAsked(w, mount.get(), target.fd.get());
}

}  // namespace

Failure run(World& w, const op::Device& o) {
  if (o.bindOnly != 0) return bindNode(w, o);
  Entry entry;
  if (auto f = ensureParent(w, o.path.data, entry)) return f;
  auto f = makeNode(entry, o);
  if (f.err == EPERM && !o.fallback.empty()) return bindNode(w, o);
  if (f.err == EEXIST) return takeOver(w, entry, o);
  if (f) return f;
  Fd node;
  if (auto g = openNode(entry, node)) return g;
  return settleNode(w, node.get(), o);
}

Failure run(World& w, const op::Symlink& o) {
  Entry entry;
  if (auto f = ensureParent(w, o.target.data, entry)) return f;
  auto f = check(::symlinkat(o.text.data, entry.parent.get(), entry.name), "symlinkat");
  if (f.err != EEXIST) return f;
  if (o.mustReplace == 0) return success;
  if (auto g = check(::unlinkat(entry.parent.get(), entry.name, 0), "unlinkat")) return g;
  return check(::symlinkat(o.text.data, entry.parent.get(), entry.name), "symlinkat");
}

Failure run(World& w, const op::MakeDirectory& o) {
  Target target;
  if (auto f = ensureTarget(w, o.target.data, {.mode = static_cast<mode_t>(o.mode)}, target)) return f;
  struct stat st{};
  if (auto f = check(::fstat(target.fd.get(), &st), "fstat")) return f;
  return S_ISDIR(st.st_mode) ? success : Failure{ENOTDIR, "mkdirat"};
}
