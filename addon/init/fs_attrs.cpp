#include "fs_attrs.h"

#include <sys/stat.h>

namespace {

Failure isDirectory(int fd, bool& out) {
  struct stat st{};
  if (auto f = check(::fstat(fd, &st), "fstat")) return f;
  out = S_ISDIR(st.st_mode);
  return success;
}

Failure setattr(int mount, const sys::MountAttr& attr, bool recursive) {
  unsigned flags = sys::atEmptyPath | (recursive ? sys::atRecursive : 0);
  return check(sys::mountSetattr(mount, "", flags, attr), "mount_setattr");
}

// The mount came from a mount namespace of an outer user namespace: the kernel refuses (EPERM) to clear what was locked
// there, and with it the whole call. Each attribute alone, so that the others are cleared all the same.
Failure clearUnlocked(int mount, uint64_t clear, bool recursive) {
  for (uint64_t rest = clear; rest != 0;) {
    uint64_t one = (rest & sys::mountAttrAtimeField) != 0 ? sys::mountAttrAtimeField : rest & -rest;
    rest &= ~one;
    auto f = setattr(mount, {.attrClear = one}, recursive);
    if (f && f.err != EPERM) return f;
  }
  return success;
}

}  // namespace

Failure changeAttrs(int mount, const AttrChange& change) {
  uint64_t clear = change.clear;
  // The access time attributes are one number in several bits: the kernel demands (EINVAL) that it is cleared as a
  // whole.
  if (((change.set | change.clear) & sys::mountAttrAtimeField) != 0) clear |= sys::mountAttrAtimeField;
  if (change.set == 0 && clear == 0) return success;
  auto f = setattr(mount, {.attrSet = change.set, .attrClear = clear}, change.recursive);
  if (f.err != EPERM || !change.keepLocked || change.clear == 0) return f;
  uint64_t needed = change.set & sys::mountAttrAtimeField ? sys::mountAttrAtimeField : 0;
  if (change.set != 0) {
    if (auto g = setattr(mount, {.attrSet = change.set, .attrClear = needed}, change.recursive)) return g;
  }
  return clearUnlocked(mount, clear & ~needed, change.recursive);
}

Failure changePropagation(int mount, uint64_t propagation, bool recursive) {
  return propagation == 0 ? success : setattr(mount, {.propagation = propagation}, recursive);
}

Failure changeIdmap(int mount, int userns, bool recursive) {
  if (userns < 0) return success;
  return setattr(mount, {.attrSet = sys::mountAttrIdmap, .usernsFd = static_cast<uint64_t>(userns)}, recursive);
}

Failure cloneMount(int at, bool recursive, Fd& out) {
  unsigned flags = sys::openTreeClone | sys::openTreeCloexec | sys::atEmptyPath | (recursive ? sys::atRecursive : 0);
  return adopt(out, sys::openTree(at, "", flags), "open_tree");
}

Failure attach(int mount, int target) {
  return check(sys::moveMount(mount, "", target, "", sys::moveMountFromEmptyPath | sys::moveMountToEmptyPath),
               "move_mount");
}

// move_mount answers a bare EINVAL where the two are of different kinds; mount(2) has a name for it.
Failure attachAsAsked(World& w, int mount, int target) {
  auto f = attach(mount, target);
  if (f.err != EINVAL) return f;
  bool covering = false;
  bool covered = false;
  if (auto g = isDirectory(mount, covering)) return g;
  if (auto g = isDirectory(target, covered)) return g;
  if (covering == covered) return f;
  w.say(covering ? "needed a directory, found a file" : "needed a file, found a directory");
  return {ENOTDIR, "move_mount"};
}
