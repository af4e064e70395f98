// Files: one function per system call, or per loop of them that JavaScript would run more slowly.
#include "files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "../sys/fd.h"
#include "calls.h"
#include "values.h"

namespace engine {
namespace {

// A call on one path: the argument, its errors.
template <class Call>
JSValue onPath(JSContext* context, JSValueConst argument, const char* name, Call call) {
  const Text path(context, argument);
  if (!path.good()) return throwErrno(context, EINVAL, name, path.get());
  return outcomeOf(context, call(path.get()), name, path.get());
}

JSValue openFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const int flags = intOf(context, arguments[1]) | O_CLOEXEC;
  const auto mode = static_cast<mode_t>(intOf(context, arguments[2]));
  return onPath(context, arguments[0], "open", [&](const char* path) { return ::open(path, flags, mode); });
}

JSValue closeFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return outcomeOf(context, ::close(intOf(context, arguments[0])), "close");
}

// More than any file that we read has. A sparse file says any size, and costs its writer nothing.
constexpr size_t mostContent = 64 << 20;
constexpr size_t firstRoom = 1 << 20;

// All that is left to read.
JSValue readRest(JSContext* context, int fd, const char* path) {
  std::vector<uint8_t> content;
  size_t length = 0;
  struct stat status{};
  // One byte more than its size: the read that finds the end is the same one. Files of the kernel say 0.
  if (::fstat(fd, &status) == 0 && S_ISREG(status.st_mode)) {
    content.resize(std::min(static_cast<size_t>(status.st_size) + 1, firstRoom));
  }
  for (;;) {
    if (content.size() - length < 1) content.resize(std::max<size_t>(4096, content.size() * 2));
    const ssize_t read = ::read(fd, content.data() + length, content.size() - length);
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return throwErrno(context, errno, "read", path);
    if (read == 0) return JS_NewArrayBufferCopy(context, content.data(), length);
    length += static_cast<size_t>(read);
    if (length > mostContent) return throwErrno(context, EFBIG, "read", path);
  }
}

JSValue readFd(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return readRest(context, intOf(context, arguments[0]), nullptr);
}

JSValue readFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  if (!path.good()) return throwErrno(context, EINVAL, "open", path.get());
  const Fd fd(::open(path.get(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return throwErrno(context, errno, "open", path.get());
  return readRest(context, fd.get(), path.get());
}

// write(fd, ArrayBuffer, offset, length): how many bytes were taken.
JSValue writeBytes(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  size_t size = 0;
  const uint8_t* bytes = JS_GetArrayBuffer(context, &size, arguments[1]);
  const auto offset = static_cast<size_t>(intOf(context, arguments[2]));
  const auto length = static_cast<size_t>(intOf(context, arguments[3]));
  if (bytes == nullptr || offset > size || length > size - offset) return throwErrno(context, EFAULT, "write");
  ssize_t written = 0;
  do written = ::write(intOf(context, arguments[0]), bytes + offset, length);
  while (written < 0 && errno == EINTR);
  return outcomeOf(context, written, "write");
}

// readBytes(fd, ArrayBuffer, offset, length, position): how many bytes there were; from where the file stands below 0.
JSValue readBytes(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  size_t size = 0;
  uint8_t* bytes = JS_GetArrayBuffer(context, &size, arguments[1]);
  const auto offset = static_cast<size_t>(intOf(context, arguments[2]));
  const auto length = static_cast<size_t>(intOf(context, arguments[3]));
  if (bytes == nullptr || offset > size || length > size - offset) return throwErrno(context, EFAULT, "read");
  int64_t position = 0;
  if (JS_ToInt64(context, &position, arguments[4]) != 0) return JS_EXCEPTION;
  const int fd = intOf(context, arguments[0]);
  ssize_t count = 0;
  do count = position < 0 ? ::read(fd, bytes + offset, length) : ::pread(fd, bytes + offset, length, position);
  while (count < 0 && errno == EINTR);
  return outcomeOf(context, count, "read");
}

// An inotify descriptor with one watch: of changes of a file, and of its end.
JSValue watchFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  if (!path.good()) return throwErrno(context, EINVAL, "watch", path.get());
  Fd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd.valid()) return throwErrno(context, errno, "inotify_init1");
  if (::inotify_add_watch(fd.get(), path.get(), IN_MODIFY | IN_ATTRIB | IN_DELETE_SELF) < 0) {
    return throwErrno(context, errno, "watch", path.get());
  }
  return JS_NewInt32(context, fd.release());
}

// writeText(fd, string): all of it in one call, as files of the kernel want it.
JSValue writeText(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text text(context, arguments[1]);
  if (text.get() == nullptr) return JS_EXCEPTION;
  ssize_t written = 0;
  do written = ::write(intOf(context, arguments[0]), text.get(), text.size());
  while (written < 0 && errno == EINTR);
  return outcomeOf(context, written, "write");
}

JSValue makeDirectory(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const auto mode = static_cast<mode_t>(intOf(context, arguments[1]));
  return onPath(context, arguments[0], "mkdir", [&](const char* path) { return ::mkdir(path, mode); });
}

JSValue removeDirectory(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return onPath(context, arguments[0], "rmdir", [](const char* path) { return ::rmdir(path); });
}

JSValue removeFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return onPath(context, arguments[0], "unlink", [](const char* path) { return ::unlink(path); });
}

JSValue changeMode(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const auto mode = static_cast<mode_t>(intOf(context, arguments[1]));
  return onPath(context, arguments[0], "chmod", [&](const char* path) { return ::chmod(path, mode); });
}

JSValue changeOwner(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const auto uid = static_cast<uid_t>(intOf(context, arguments[1]));
  const auto gid = static_cast<gid_t>(intOf(context, arguments[2]));
  return onPath(context, arguments[0], "chown", [&](const char* path) { return ::chown(path, uid, gid); });
}

JSValue changeOpenMode(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const auto mode = static_cast<mode_t>(intOf(context, arguments[1]));
  return outcomeOf(context, ::fchmod(intOf(context, arguments[0]), mode), "fchmod");
}

JSValue changeOpenOwner(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const auto uid = static_cast<uid_t>(intOf(context, arguments[1]));
  const auto gid = static_cast<gid_t>(intOf(context, arguments[2]));
  return outcomeOf(context, ::fchown(intOf(context, arguments[0]), uid, gid), "fchown");
}

JSValue mayAccess(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const int mode = intOf(context, arguments[1]);
  return onPath(context, arguments[0], "access", [&](const char* path) { return ::access(path, mode); });
}

JSValue exists(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  return JS_NewBool(context, path.good() && ::access(path.get(), F_OK) == 0);
}

JSValue renameFile(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text to(context, arguments[1]);
  if (!to.good()) return throwErrno(context, EINVAL, "rename", to.get());
  return onPath(context, arguments[0], "rename", [&](const char* from) { return ::rename(from, to.get()); });
}

JSValue readLink(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  char target[PATH_MAX];
  const ssize_t length = path.good() ? ::readlink(path.get(), target, sizeof target) : (errno = EINVAL, -1);
  if (length < 0) return throwErrno(context, errno, "readlink", path.get());
  return stringOf(context, {target, static_cast<size_t>(length)});
}

JSValue realPath(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  char resolved[PATH_MAX];
  if (!path.good() || ::realpath(path.get(), resolved) == nullptr) {
    return throwErrno(context, path.good() ? errno : EINVAL, "realpath", path.get());
  }
  return stringOf(context, resolved);
}

JSValue makeTemporaryDirectory(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text prefix(context, arguments[0]);
  if (!prefix.good()) return throwErrno(context, EINVAL, "mkdtemp", prefix.get());
  std::string path = std::string(prefix.get()) + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return throwErrno(context, errno, "mkdtemp", path.c_str());
  return stringOf(context, path);
}

// Each byte as the character of that number: names need be no UTF-8.
std::string asLatin1(std::string_view name) {
  std::string text;
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      text += c;
    } else {
      text += static_cast<char>(0xc0 | byte >> 6);
      text += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
  return text;
}

// Pairs of name and d_type in one array; the names in Latin-1 where the second argument is true.
JSValue listDirectory(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  if (!path.good()) return throwErrno(context, EINVAL, "scandir", path.get());
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.get()), ::closedir);
  if (directory == nullptr) return throwErrno(context, errno, "scandir", path.get());
  const bool latin1 = JS_ToBool(context, arguments[1]) > 0;
  JSValue names = JS_NewArray(context);
  uint32_t count = 0;
  for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) {
    const std::string_view name(entry->d_name);
    if (name == "." || name == "..") continue;
    JS_SetPropertyUint32(context, names, count++, stringOf(context, latin1 ? asLatin1(name) : std::string(name)));
    JS_SetPropertyUint32(context, names, count++, JS_NewInt32(context, entry->d_type));
  }
  if (errno == 0) return names;
  JS_FreeValue(context, names);
  return throwErrno(context, errno, "scandir", path.get());
}

// The numbers of src/engine/fs.ts, in its order.
JSValue statusOf(JSContext* context, const struct stat& status) {
  const double values[] = {
      static_cast<double>(status.st_dev),
      static_cast<double>(status.st_ino),
      static_cast<double>(status.st_mode),
      static_cast<double>(status.st_uid),
      static_cast<double>(status.st_gid),
      static_cast<double>(status.st_rdev),
      static_cast<double>(status.st_size),
      static_cast<double>(status.st_nlink),
      static_cast<double>(status.st_mtim.tv_sec) * 1e3 + static_cast<double>(status.st_mtim.tv_nsec) / 1e6};
  JSValue numbers = JS_NewArray(context);
  uint32_t count = 0;
  for (const double value : values) JS_SetPropertyUint32(context, numbers, count++, JS_NewFloat64(context, value));
  return numbers;
}

JSValue statPath(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  const bool follow = JS_ToBool(context, arguments[1]) > 0;
  struct stat status{};
  const int flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
  if (!path.good()) return throwErrno(context, EINVAL, "stat", path.get());
  if (::fstatat(AT_FDCWD, path.get(), &status, flags) < 0) {
    return throwErrno(context, errno, follow ? "stat" : "lstat", path.get());
  }
  return statusOf(context, status);
}

JSValue statFd(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  struct stat status{};
  if (::fstat(intOf(context, arguments[0]), &status) < 0) return throwErrno(context, errno, "fstat");
  return statusOf(context, status);
}

constexpr NativeFunction functions[] = {
    {"open", 3, openFile},         {"close", 1, closeFile},       {"readFd", 1, readFd},
    {"readFile", 1, readFile},     {"writeBytes", 4, writeBytes}, {"readBytes", 5, readBytes},
    {"watch", 1, watchFile},       {"writeText", 2, writeText},   {"mkdir", 2, makeDirectory},
    {"rmdir", 1, removeDirectory}, {"unlink", 1, removeFile},     {"chmod", 2, changeMode},
    {"chown", 3, changeOwner},     {"fchmod", 2, changeOpenMode}, {"fchown", 3, changeOpenOwner},
    {"access", 2, mayAccess},      {"exists", 1, exists},         {"rename", 2, renameFile},
    {"readlink", 1, readLink},     {"realpath", 1, realPath},     {"mkdtemp", 1, makeTemporaryDirectory},
    {"readdir", 2, listDirectory}, {"stat", 2, statPath},         {"fstat", 1, statFd},
};

}  // namespace

void addFileFunctions(JSContext* context, JSValueConst natives) { addFunctions(context, natives, functions); }

}  // namespace engine
