// Bind mounts.
#include <fcntl.h>
#include <string.h>

#include "fs_attrs.h"
#include "fs_path.h"

namespace {

Failure openSource(World& w, const op::Bind& o, Fd& out) {
  if (o.tree >= 0) return adopt(out, ::fcntl(o.tree, F_DUPFD_CLOEXEC, 3), "fcntl");
  unsigned flags = sys::openTreeClone | sys::openTreeCloexec | (o.recursive != 0 ? sys::atRecursive : 0) |
                   (o.sourceNoFollow != 0 || o.copyLink != 0 ? sys::atSymlinkNofollow : 0);
  auto f = adopt(out, sys::openTree(AT_FDCWD, o.source.data, flags), "open_tree");
  if (f) w.say("%s", o.source.data);
  return f;
}

Failure readLink(int parent, const char* name, char (&text)[PATH_MAX]) {
  ssize_t size = ::readlinkat(parent, name, text, sizeof text - 1);
  if (size < 0) return {errno, "readlinkat"};
  text[size] = '\0';
  return success;
}

Failure copyLink(World& w, const op::Bind& o, int link) {
  char text[PATH_MAX];
  if (auto f = readLink(link, "", text)) return f;
  Entry entry;
  if (auto f = ensureParent(w, o.target.data, entry)) return f;
  auto f = check(::symlinkat(text, entry.parent.get(), entry.name), "symlinkat");
  if (f.err != EEXIST) return f;
  // From an earlier container of the same root file system.
  char there[PATH_MAX];
  bool same = !readLink(entry.parent.get(), entry.name, there) && strcmp(text, there) == 0;
  return same ? success : f;
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
  struct stat st{};
  if (auto f = check(::fstat(mount.get(), &st), "fstat")) return f;
  if (o.copyLink != 0 && S_ISLNK(st.st_mode)) return copyLink(w, o, mount.get());
  bool isDirectory = S_ISDIR(st.st_mode);
  Lookup lookup{.kind = isDirectory ? Kind::directory : Kind::file,
                .mode = isDirectory ? 0755U : 0644U,
                .noFollow = o.targetNoFollow != 0};
  if (auto f = prepare(o, mount.get())) return f;
  Target target;
  if (auto f = ensureTarget(w, o.target.data, lookup, target)) return f;
  if (auto f = attachAsAsked(w, mount.get(), target.fd.get())) return f;
  // After it is attached: a mount on a shared one becomes shared, whatever it was.
  return changePropagation(mount.get(), o.propagation, o.propagationRecursive != 0);
}
