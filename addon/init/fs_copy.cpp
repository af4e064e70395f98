#include "fs_copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "../sys/fd.h"

namespace {

// Directories may be nested deeper than any path is long; each level costs stack and two descriptors.
constexpr int maxDepth = 256;

class Directory {
 public:
  Directory() = default;
  Directory(const Directory&) = delete;
  Directory& operator=(const Directory&) = delete;
  ~Directory() {
    if (stream_ != nullptr) ::closedir(stream_);
  }
  Failure open(int at) {
    Fd fd;
    if (auto f = adopt(fd, ::openat(at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), "openat")) return f;
    stream_ = ::fdopendir(fd.get());
    if (stream_ == nullptr) return {errno, "fdopendir"};
    // closedir closes it from here on.
    return fd.release() >= 0 ? success : Failure{EBADF, "fdopendir"};
  }
  // name stays nullptr at the end.
  Failure next(const char*& name) {
    name = nullptr;
    for (;;) {
      errno = 0;
      const dirent* entry = ::readdir(stream_);
      if (entry == nullptr) return errno == 0 ? success : Failure{errno, "readdir"};
      if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
      name = entry->d_name;
      return success;
    }
  }

 private:
  DIR* stream_ = nullptr;
};

Failure copyTree(int from, int to, int depth);

Failure copyAttribute(int from, int to, const char* name) {
  char value[4096];
  ssize_t size = ::fgetxattr(from, name, value, sizeof value);
  if (size < 0) return {errno, "fgetxattr"};
  auto f = check(::fsetxattr(to, name, value, static_cast<size_t>(size), 0), "fsetxattr");
  // tmpfs has no user.* attributes before Linux 6.6, and a user namespace may not set trusted.*.
  return f.err == EOPNOTSUPP || f.err == EPERM ? success : f;
}

Failure copyAttributes(int from, int to) {
  char names[4096];
  ssize_t size = ::flistxattr(from, names, sizeof names);
  if (size < 0) return errno == EOPNOTSUPP ? success : Failure{errno, "flistxattr"};
  for (const char* name = names; name < names + size; name += strlen(name) + 1) {
    if (auto f = copyAttribute(from, to, name)) return f;
  }
  return success;
}

// Owner before mode: chown clears the set-user-id bits. Times last: everything else changes them.
Failure copyMetadata(int from, int to, const struct stat& st) {
  if (auto f = check(::fchown(to, st.st_uid, st.st_gid), "fchown")) return f;
  if (auto f = check(::fchmod(to, st.st_mode & 07777), "fchmod")) return f;
  if (auto f = copyAttributes(from, to)) return f;
  const timespec times[2] = {st.st_atim, st.st_mtim};
  return check(::futimens(to, times), "futimens");
}

Failure copyBytes(int from, int to) {
  for (;;) {
    ssize_t sent = ::sendfile(to, from, nullptr, 1 << 20);
    if (sent == 0) return success;
    if (sent < 0 && errno != EINTR) return {errno, "sendfile"};
  }
}

// O_NONBLOCK: what was a file when we looked may be a FIFO by now.
Failure copyFile(int from, int to, const char* name) {
  Fd source;
  Fd copy;
  struct stat st{};
  int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  if (auto f = adopt(source, ::openat(from, name, flags), "openat")) return f;
  if (auto f = check(::fstat(source.get(), &st), "fstat")) return f;
  if (!S_ISREG(st.st_mode)) return {EINVAL, "openat"};
  if (auto f = adopt(copy, ::openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), "openat")) return f;
  if (auto f = copyBytes(source.get(), copy.get())) return f;
  return copyMetadata(source.get(), copy.get(), st);
}

Failure copyDirectory(int from, int to, const char* name, int depth) {
  Fd source;
  Fd copy;
  struct stat st{};
  int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  if (auto f = adopt(source, ::openat(from, name, flags), "openat")) return f;
  if (auto f = check(::fstat(source.get(), &st), "fstat")) return f;
  if (auto f = check(::mkdirat(to, name, 0700), "mkdirat")) return f;
  if (auto f = adopt(copy, ::openat(to, name, flags), "openat")) return f;
  if (auto f = copyTree(source.get(), copy.get(), depth + 1)) return f;
  return copyMetadata(source.get(), copy.get(), st);
}

// Links and FIFOs: made and settled by name, which is safe in the new file system, since nobody else sees it yet.
Failure settleByName(int to, const char* name, const struct stat& st) {
  if (auto f = check(::fchownat(to, name, st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW), "fchownat")) return f;
  const timespec times[2] = {st.st_atim, st.st_mtim};
  return check(::utimensat(to, name, times, AT_SYMLINK_NOFOLLOW), "utimensat");
}

Failure copyLink(int from, int to, const char* name, const struct stat& st) {
  char text[PATH_MAX];
  ssize_t size = ::readlinkat(from, name, text, sizeof text - 1);
  if (size < 0) return {errno, "readlinkat"};
  text[size] = '\0';
  if (auto f = check(::symlinkat(text, to, name), "symlinkat")) return f;
  return settleByName(to, name, st);
}

Failure copyFifo(int to, const char* name, const struct stat& st) {
  if (auto f = check(::mknodat(to, name, S_IFIFO | 0600, 0), "mknodat")) return f;
  if (auto f = settleByName(to, name, st)) return f;
  return check(::fchmodat(to, name, st.st_mode & 07777, 0), "fchmodat");
}

Failure copyEntry(int from, int to, const char* name, int depth) {
  struct stat st{};
  if (auto f = check(::fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW), "fstatat")) return f;
  switch (st.st_mode & S_IFMT) {
    case S_IFREG:
      return copyFile(from, to, name);
    case S_IFDIR:
      return copyDirectory(from, to, name, depth);
    case S_IFLNK:
      return copyLink(from, to, name, st);
    case S_IFIFO:
      return copyFifo(to, name, st);
    default:
      return success;
  }
}

Failure copyTree(int from, int to, int depth) {
  if (depth > maxDepth) return {ENAMETOOLONG, "openat"};
  Directory directory;
  if (auto f = directory.open(from)) return f;
  for (;;) {
    const char* name = nullptr;
    if (auto f = directory.next(name)) return f;
    if (name == nullptr) return success;
    if (auto f = copyEntry(from, to, name, depth)) return f;
  }
}

}  // namespace

Failure copyTree(int from, int to) { return copyTree(from, to, 0); }
