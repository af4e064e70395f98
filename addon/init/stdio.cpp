// Standard streams that lead to the host.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "fs_path.h"

namespace {

bool isNullDevice(int fd) {
  struct stat st{};
  return ::fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3);
}

// First only looked at: opening what an image has put there may block (a FIFO) or set off a device.
Failure openContainersNull(const World& w, int mode, Fd& out) {
  Fd seen;
  if (auto f = openInRoot(w, "/dev/null", O_PATH | O_NOFOLLOW, 0, seen)) return f;
  if (!isNullDevice(seen.get())) return {ENODEV, "openat2"};
  if (auto f = openInRoot(w, "/dev/null", mode | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, out)) return f;
  return isNullDevice(out.get()) ? success : Failure{ENODEV, "openat2"};
}

}  // namespace

Failure run(World& w, const op::AdoptNull&) {
  for (int fd = 0; fd <= 2; ++fd) {
    int flags = ::fcntl(fd, F_GETFL);
    if (flags < 0 || !isNullDevice(fd)) continue;
    Fd own;
    // A container may have none, or may not open it (device rules): then the host's stays.
    if (openContainersNull(w, flags & O_ACCMODE, own)) continue;
    if (auto f = check(::fcntl(own.get(), F_SETFL, flags & O_APPEND), "fcntl")) return f;
    if (auto f = check(::dup2(own.get(), fd), "dup2")) return f;
  }
  return success;
}
