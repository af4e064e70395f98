// Bind mounts.
#include <fcntl.h>

#include "fs_attrs.h"
#include "fs_path.h"

namespace {

Failure openSource(World& w, const op::Bind& o, Fd& out) {
  if (o.tree >= 0) return adopt(out, ::fcntl(o.tree, F_DUPFD_CLOEXEC, 3), "fcntl");
  unsigned flags = sys::openTreeClone | sys::openTreeCloexec | (o.recursive != 0 ? sys::atRecursive : 0) |
                   (o.sourceNoFollow != 0 ? sys::atSymlinkNofollow : 0);
  auto f = adopt(out, sys::openTree(AT_FDCWD, o.source.data, flags), "open_tree");
  if (f) w.say("%s", o.source.data);
  return f;
}

Failure kindOf(int fd, Kind& out) {
  struct stat st{};
  if (auto f = check(::fstat(fd, &st), "fstat")) return f;
  out = S_ISDIR(st.st_mode) ? Kind::directory : Kind::file;
  return success;
}

// While the mount is still detached: nobody sees it with other attributes than it shall have.
Failure prepare(const op::Bind& o, int mount) {
  bool keepLocked = o.keepLocked != 0;
  if (auto f = changeIdmap(mount, o.idmap, o.idmapRecursive != 0)) return f;
  AttrChange below{.set = o.recursiveSet, .clear = o.recursiveClear, .recursive = true, .keepLocked = keepLocked};
  if (auto f = changeAttrs(mount, below)) return f;
  return changeAttrs(mount, {.set = o.attrsSet, .clear = o.attrsClear, .keepLocked = keepLocked});
}

}  // namespace

Failure run(World& w, const op::Bind& o) {
  Fd mount;
  if (auto f = openSource(w, o, mount)) return f;
  Lookup lookup{.mode = 0755, .noFollow = o.targetNoFollow != 0};
  if (auto f = kindOf(mount.get(), lookup.kind)) return f;
  if (lookup.kind == Kind::file) lookup.mode = 0644;
  if (auto f = prepare(o, mount.get())) return f;
  Target target;
  if (auto f = ensureTarget(w, o.target.data, lookup, target)) return f;
  if (auto f = attachAsAsked(w, mount.get(), target.fd.get())) return f;
  // After it is attached: a mount on a shared one becomes shared, whatever it was.
  return changePropagation(mount.get(), o.propagation, o.propagationRecursive != 0);
}
