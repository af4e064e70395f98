#include "fs_host_mounts.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

#include "fs_attrs.h"
#include "fs_context.h"

namespace {

// The line-wise text of mountinfo, open for its lifetime.
class MountInfo {
 public:
  MountInfo() = default;
  MountInfo(const MountInfo&) = delete;
  MountInfo& operator=(const MountInfo&) = delete;
  ~MountInfo() {
    if (file_ != nullptr) ::fclose(file_);
    ::free(line_);
  }
  Failure open(World& w) {
    Fd fd;
    if (auto f = w.openProc("self/mountinfo", O_RDONLY, fd)) return f;
    file_ = ::fdopen(fd.get(), "r");
    if (file_ == nullptr) return {errno, "fdopen"};
    // fclose closes it from here on.
    return fd.release() >= 0 ? success : Failure{EBADF, "fdopen"};
  }
  // nullptr at the end.
  char* next() { return ::getline(&line_, &capacity_, file_) > 0 ? line_ : nullptr; }

 private:
  FILE* file_ = nullptr;
  char* line_ = nullptr;
  size_t capacity_ = 0;
};

bool isOctal(char c) { return c >= '0' && c <= '7'; }

// mountinfo writes space, tab, newline and backslash as \ooo.
void unescape(char* text) {
  char* out = text;
  while (*text != '\0') {
    if (text[0] == '\\' && isOctal(text[1]) && isOctal(text[2]) && isOctal(text[3])) {
      *out++ = static_cast<char>((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0'));
      text += 4;
    } else {
      *out++ = *text++;
    }
  }
  *out = '\0';
}

bool isBelow(const char* path, const char* directory) {
  size_t length = strlen(directory);
  return strncmp(path, directory, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

// The mount point of a line of mountinfo when it is a complete proc or sysfs, else nullptr. Fields: id, parent, device,
// root, mount point, options, optional ones, "-", type, ...
char* completeProcOrSysfs(char* line) {
  char* separator = strstr(line, " - ");
  if (separator == nullptr) return nullptr;
  const char* type = separator + 3;
  if (strncmp(type, "proc ", 5) != 0 && strncmp(type, "sysfs ", 6) != 0) return nullptr;
  char* rest = line;
  char* root = nullptr;
  for (int field = 0; field < 4; field++) root = strsep(&rest, " ");
  char* point = strsep(&rest, " ");
  if (point == nullptr || strcmp(root, "/") != 0) return nullptr;
  unescape(point);
  return point;
}

Failure cover(World& w, const char* path) {
  Fd target;
  if (auto f = adopt(target, ::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC), "open")) {
    // Gone with a mount above it.
    return f.err == ENOENT ? success : f;
  }
  FsContext context(w);
  Fd mount;
  if (auto f = context.open("tmpfs")) return f;
  if (auto f = context.mount(sys::mountAttrRdonly | sys::mountAttrNosuid | sys::mountAttrNodev, mount)) return f;
  return attach(mount.get(), target.get());
}

Failure hide(World& w, const char* path) {
  if (::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) == 0) return success;
  // EINVAL and EPERM: locked by an outer user namespace, or hidden under another mount.
  return errno == EINVAL || errno == EPERM ? cover(w, path) : Failure{errno, "umount2"};
}

Failure rootPath(World& w, char (&out)[PATH_MAX]) {
  int proc = -1;
  if (auto f = w.procfs(proc)) return f;
  char name[32];
  snprintf(name, sizeof name, "self/fd/%d", w.root.get());
  ssize_t size = ::readlinkat(proc, name, out, sizeof out - 1);
  out[size < 0 ? 0 : size] = '\0';
  return check(size, "readlinkat");
}

}  // namespace

Failure hideHostMounts(World& w) {
  char root[PATH_MAX];
  if (auto f = rootPath(w, root)) return f;
  MountInfo mounts;
  if (auto f = mounts.open(w)) return f;
  while (char* line = mounts.next()) {
    const char* point = completeProcOrSysfs(line);
    if (point == nullptr || isBelow(point, root)) continue;
    if (auto f = hide(w, point)) {
      w.say("%s", point);
      return f;
    }
  }
  return success;
}
