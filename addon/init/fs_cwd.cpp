// The working directory of the container's program.
#include <fcntl.h>

#include "fs_path.h"

namespace {

// The kernel answers a path that does not begin with "/" where the directory cannot be reached from the root: a leaked
// descriptor of the host as working directory was a way out (CVE-2024-21626). libc's getcwd hides this difference.
Failure proveInside() {
  char path[PATH_MAX];
  if (auto f = check(::syscall(SYS_getcwd, path, sizeof path), "getcwd")) return f;
  return path[0] == '/' ? success : Failure{EXDEV, "getcwd"};
}

Failure open(World& w, const op::ChangeDirectory& o, Target& out) {
  if (o.create != 0) return ensureTarget(w, o.path.data, {}, out);
  return openInRoot(w, o.path.data, O_PATH | O_DIRECTORY, 0, out.fd);
}

}  // namespace

Failure run(World& w, const op::ChangeDirectory& o) {
  Target target;
  if (auto f = open(w, o, target)) return f;
  if (auto f = check(::fchdir(target.fd.get()), "fchdir")) {
    w.say("%s", o.path.data);
    return f;
  }
  auto f = proveInside();
  if (f) w.say("%s lies outside the container's root", o.path.data);
  return f;
}
