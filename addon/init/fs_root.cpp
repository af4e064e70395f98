// The root of the container: from a directory of the host to "/".
#include <fcntl.h>
#include <sys/mount.h>

#include "fs_attrs.h"
#include "fs_host_mounts.h"
#include "fs_path.h"

namespace {

Failure openDirectory(const char* path, Fd& out) {
  return adopt(out, ::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC), "open");
}

bool sameFile(const struct stat& a, const struct stat& b) { return a.st_dev == b.st_dev && a.st_ino == b.st_ino; }

// mount_setattr works on the root directory of a mount only (EINVAL elsewhere): up from `start` until it is one.
// A directory that is its own parent is the top; a failure there is a real one.
Failure makeHolderPrivate(int start) {
  Fd at;
  if (auto f = adopt(at, ::openat(start, ".", O_PATH | O_DIRECTORY | O_CLOEXEC), "openat")) return f;
  for (;;) {
    auto f = changePropagation(at.get(), MS_PRIVATE, false);
    if (f.err != EINVAL) return f;
    Fd above;
    struct stat here{};
    struct stat there{};
    if (auto g = adopt(above, ::openat(at.get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC), "openat")) return g;
    if (auto g = check(::fstat(at.get(), &here), "fstat")) return g;
    if (auto g = check(::fstat(above.get(), &there), "fstat")) return g;
    if (sameFile(here, there)) return f;
    at = static_cast<Fd&&>(above);
  }
}

// The working directory is the new root already.
Failure enterRoot(World& w) {
  if (auto f = check(::chroot("."), "chroot")) return f;
  if (auto f = check(::chdir("/"), "chdir")) return f;
  return openDirectory("/", w.root);
}

}  // namespace

Failure run(World&, const op::SetPropagation& o) {
  Fd top;
  if (auto f = openDirectory("/", top)) return f;
  return changePropagation(top.get(), o.propagation, o.recursive != 0);
}

Failure run(World& w, const op::OpenRoot& o) {
  Fd directory;
  if (auto f = openDirectory(o.path.data, directory)) return f;
  // Before the clone is made: a clone of a shared mount is shared, and pivot_root refuses that.
  if (o.privateParent != 0) {
    if (auto f = makeHolderPrivate(directory.get())) return f;
  }
  if (auto f = cloneMount(directory.get(), true, w.root)) return f;
  return attach(w.root.get(), directory.get());
}

Failure run(World& w, const op::UseRoot& o) { return openDirectory(o.path.data, w.root); }

// pivot_root(".", ".") stacks the old root on the new one; there it is taken away. Made a slave first, so that taking
// it away is not propagated to the host; not private, because a private copy would go on holding mounts that the host
// removes until then.
Failure run(World& w, const op::PivotRoot&) {
  Fd old;
  if (auto f = openDirectory("/", old)) return f;
  if (auto f = check(::fchdir(w.root.get()), "fchdir")) return f;
  if (auto f = check(sys::pivotRoot(".", "."), "pivot_root")) return f;
  if (auto f = check(::fchdir(old.get()), "fchdir")) return f;
  if (auto f = changePropagation(old.get(), MS_SLAVE, true)) return f;
  if (auto f = check(::umount2(".", MNT_DETACH), "umount2")) return f;
  if (auto f = check(::chdir("/"), "chdir")) return f;
  return openDirectory("/", w.root);
}

// "/" becomes a slave first: a mount moved onto a shared "/" would appear over the "/" of the host as well.
Failure run(World& w, const op::MoveRoot&) {
  Fd top;
  if (auto f = openDirectory("/", top)) return f;
  if (auto f = changePropagation(top.get(), MS_SLAVE, true)) return f;
  if (auto f = hideHostMounts(w)) return f;
  if (auto f = attach(w.root.get(), top.get())) return f;
  if (auto f = check(::fchdir(w.root.get()), "fchdir")) return f;
  return enterRoot(w);
}

Failure run(World& w, const op::ChangeRoot&) {
  if (auto f = check(::fchdir(w.root.get()), "fchdir")) return f;
  return enterRoot(w);
}

Failure run(World& w, const op::SetRootAttrs& o) {
  if (auto f = changeAttrs(w.root.get(), {.set = o.attrsSet})) return f;
  return changePropagation(w.root.get(), o.propagation, o.propagationRecursive != 0);
}
