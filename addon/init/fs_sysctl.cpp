// Kernel parameters of the namespaces.
#include <fcntl.h>
#include <string.h>

#include "fs_path.h"

namespace {

// Of a procfs only sys/ is for parameters; self/ is next door.
bool climbs(const char* path) {
  for (const char* at = path; *at != '\0'; at += strspn(at, "/")) {
    size_t length = strcspn(at, "/");
    if (length == 2 && strncmp(at, "..", 2) == 0) return true;
    at += length;
  }
  return false;
}

}  // namespace

// World::openProc refuses whatever is not a procfs's own: a write meant for net/ must not end in kernel/core_pattern
// (CVE-2025-52881).
Failure run(World& w, const op::SetSysctl& o) {
  if (climbs(o.path.data)) return {EINVAL, "openat2"};
  char path[PATH_MAX] = "sys/";
  if (auto f = copyText(path + 4, sizeof path - 4, o.path.data, o.path.size)) return f;
  Fd file;
  if (auto f = w.openProc(path, O_WRONLY, file)) return f;
  ssize_t written = ::write(file.get(), o.value.data, o.value.size);
  if (written < 0) return {errno, "write"};
  // A second write would set a second value: a parameter takes its value whole or not.
  return written == static_cast<ssize_t>(o.value.size) ? success : Failure{EIO, "write"};
}
