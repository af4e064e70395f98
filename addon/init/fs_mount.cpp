// New file system instances, and changes of what is mounted.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs_attrs.h"
#include "fs_context.h"
#include "fs_copy.h"
#include "fs_legacy_mount.h"
#include "fs_path.h"

namespace {

bool hasKey(const Strs& options, const char* key) {
  size_t length = strlen(key);
  for (Str option : options) {
    if (strncmp(option.data, key, length) == 0 && option.data[length] == '=') return true;
  }
  return false;
}

// A late fact: a tmpfs over a directory that is there takes over its mode where the options give none, so that a tmpfs
// at /tmp of an image is as open, and one at /root as closed, as the directory it hides.
Failure inheritedMode(const op::Mount& o, const Target& target, char (&option)[16]) {
  option[0] = '\0';
  if (strcmp(o.fstype.data, "tmpfs") != 0 || target.created || hasKey(o.options, "mode")) return success;
  struct stat st{};
  if (auto f = check(::fstat(target.fd.get(), &st), "fstat")) return f;
  snprintf(option, sizeof option, "mode=%04o", static_cast<unsigned>(st.st_mode & 07777));
  return success;
}

Failure configure(FsContext& context, const op::Mount& o, const char* extra) {
  if (auto f = context.open(o.fstype.data)) return f;
  if (!o.source.empty()) {
    if (auto f = context.setString("source", o.source.data)) return f;
  }
  if (extra[0] != '\0') {
    if (auto f = context.set(extra)) return f;
  }
  for (Str option : o.options) {
    if (auto f = context.set(option.data)) return f;
  }
  return success;
}

// attrs without what would keep copyUp from writing.
Failure makeMount(World& w, const op::Mount& o, uint64_t attrs, const Target& target, Fd& out) {
  char extra[16];
  if (auto f = inheritedMode(o, target, extra)) return f;
  if (needsOptionString(o)) return mountByOptionString(w, o, extra, attrs, target.fd.get(), out);
  FsContext context(w);
  if (auto f = configure(context, o, extra)) return f;
  return context.mount(attrs, out);
}

Failure fill(const op::Mount& o, const Target& target, int mount) {
  if (!target.created) {
    if (auto f = copyTree(target.fd.get(), mount)) return f;
  }
  return changeAttrs(mount, {.set = o.attrs & sys::mountAttrRdonly});
}

}  // namespace

Failure run(World& w, const op::Mount& o) {
  Target target;
  if (auto f = ensureTarget(w, o.target.data, {.noSymlinks = o.noSymlinks != 0}, target)) return f;
  uint64_t attrs = o.copyUp != 0 ? o.attrs & ~sys::mountAttrRdonly : o.attrs;
  Fd mount;
  if (auto f = makeMount(w, o, attrs, target, mount)) return f;
  if (o.copyUp != 0) {
    if (auto f = fill(o, target, mount.get())) return f;
  }
  if (auto f = changeIdmap(mount.get(), o.idmap, false)) return f;
  if (auto f = attachAsAsked(w, mount.get(), target.fd.get())) return f;
  // After it is attached: a mount on a shared one becomes shared, whatever it was.
  return changePropagation(mount.get(), o.propagation, o.propagationRecursive != 0);
}

Failure run(World& w, const op::Remount& o) {
  Fd target;
  if (auto f = openInRoot(w, o.target.data, O_PATH, 0, target)) return f;
  if (!o.options.empty()) {
    FsContext context(w);
    if (auto f = context.pick(target.get())) return f;
    for (Str option : o.options) {
      if (auto f = context.set(option.data)) return f;
    }
    if (auto f = context.reconfigure()) return f;
  }
  bool keepLocked = o.keepLocked != 0;
  AttrChange below{.set = o.recursiveSet, .clear = o.recursiveClear, .recursive = true, .keepLocked = keepLocked};
  if (auto f = changeAttrs(target.get(), below)) return f;
  AttrChange own{.set = o.attrsSet, .clear = o.attrsClear, .keepLocked = keepLocked};
  if (auto f = changeAttrs(target.get(), own)) return f;
  return changePropagation(target.get(), o.propagation, o.propagationRecursive != 0);
}
