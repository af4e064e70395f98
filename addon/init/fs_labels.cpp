// Labels of security modules (AppArmor, SELinux): attributes of this thread in /proc, and of files.
#include <fcntl.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs_path.h"

namespace {

constexpr const char attributes[] = "thread-self/attr/";

// World::openProc refuses whatever is not a procfs's own: a container whose program thinks that it is confined is what
// a file system mounted over /proc would make (CVE-2019-16884).
Failure writeAttribute(World& w, Str name, Str value) {
  char path[64];
  if (strstr(name.data, "..") != nullptr || sizeof attributes + name.size > sizeof path) return {EINVAL, "openat2"};
  memcpy(path, attributes, sizeof attributes);
  memcpy(path + sizeof attributes - 1, name.data, name.size + 1);
  Fd file;
  if (auto f = w.openProc(path, O_WRONLY, file)) return f;
  ssize_t written = ::write(file.get(), value.data, value.size);
  if (written < 0) return {errno, "write"};
  // A label is taken whole or not at all.
  return written == static_cast<ssize_t>(value.size) ? success : Failure{EIO, "write"};
}

}  // namespace

Failure run(World& w, const op::SetSecurityLabel& o) {
  Failure f{ENOENT, "openat2"};
  for (Str name : o.attributes) {
    f = writeAttribute(w, name, o.value);
    bool missing = f.err == ENOENT && strcmp(f.call, "openat2") == 0;
    if (!missing) return f;
  }
  return f;
}

Failure run(World& w, const op::SetFileLabel& o) {
  Fd file;
  if (auto f = openInRoot(w, o.target.data, O_RDONLY, 0, file)) return f;
  return check(::fsetxattr(file.get(), "security.selinux", o.label.data, o.label.size, 0), "fsetxattr");
}
