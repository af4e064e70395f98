#include "tree.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/openat2.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

namespace host {

namespace {

Failure mapIds(int tree, int userNamespace, bool recursive) {
  mount_attr attr{};
  attr.attr_set = MOUNT_ATTR_IDMAP;
  attr.userns_fd = static_cast<uint64_t>(userNamespace);
  const unsigned flags = AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0);
  return check(::syscall(SYS_mount_setattr, tree, "", flags, &attr, sizeof attr), "mount_setattr");
}

}  // namespace

Outcome<Fd> openTree(const TreeRequest& request) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (request.recursive) flags |= AT_RECURSIVE;
  if (request.noFollow) flags |= AT_SYMLINK_NOFOLLOW;
  Outcome<Fd> tree = owned(::syscall(SYS_open_tree, AT_FDCWD, request.path.c_str(), flags), "open_tree");
  if (tree.failure || request.idmap < 0) return tree;
  // While it is detached and in nobody's sight: the kernel maps the ids of no mount that is in use.
  if (const Failure f = mapIds(tree.value.get(), request.idmap, request.idmapRecursive)) return f;
  return tree;
}

// The kernel lists mounts without links in their paths. Where one has got into it since, it is somebody's who wants
// another mount to go; UMOUNT_NOFOLLOW is about the last name alone.
Failure detachMount(const std::string& path) {
  open_how how{};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_NO_SYMLINKS;
  const Outcome<Fd> seen = owned(::syscall(SYS_openat2, AT_FDCWD, path.c_str(), &how, sizeof how), "openat2");
  if (seen.failure) return seen.failure;
  const std::string again = "/proc/self/fd/" + std::to_string(seen.value.get());
  return check(::umount2(again.c_str(), MNT_DETACH), "umount2");
}

// First only looked at through O_PATH: opening an unknown file for reading may block (a FIFO) or set off a device.
Outcome<Fd> openNamespace(const std::string& path, uint32_t flag) {
  Outcome<Fd> seen = owned(::open(path.c_str(), O_PATH | O_CLOEXEC), "open");
  if (seen.failure) return seen;
  struct statfs system{};
  if (::fstatfs(seen.value.get(), &system) < 0) return failed("fstatfs");
  if (system.f_type != NSFS_MAGIC) return Failure{ENOTTY, "NS_GET_NSTYPE"};
  const std::string again = "/proc/self/fd/" + std::to_string(seen.value.get());
  Outcome<Fd> opened = owned(::open(again.c_str(), O_RDONLY | O_CLOEXEC), "open");
  if (opened.failure) return opened;
  const int type = ::ioctl(opened.value.get(), NS_GET_NSTYPE);
  if (type < 0) return failed("NS_GET_NSTYPE");
  if (static_cast<uint32_t>(type) != flag) return Failure{EINVAL, "NS_GET_NSTYPE"};
  return opened;
}

}  // namespace host
