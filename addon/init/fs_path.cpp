#include "fs_path.h"

#include <fcntl.h>
#include <string.h>

#include "fs_walk.h"

namespace {

// openat2 answers EAGAIN where ".." met a rename or a mount that happened meanwhile: the result could not be trusted.
// Who keeps renaming must not keep us here for ever.
constexpr int resolveAttempts = 128;

int openat2Patiently(int dir, const char* path, const sys::OpenHow& how) {
  int fd = -1;
  for (int attempt = 0; attempt < resolveAttempts; attempt++) {
    fd = sys::openat2(dir, path, how);
    if (fd >= 0 || (errno != EAGAIN && errno != EINTR)) break;
  }
  return fd;
}

}  // namespace

Failure openInRoot(const World& w, const char* path, int flags, uint64_t resolve, Fd& out) {
  sys::OpenHow how{.flags = static_cast<uint64_t>(flags | O_CLOEXEC),
                   .resolve = sys::resolveInRoot | sys::resolveNoMagiclinks | resolve};
  return adopt(out, openat2Patiently(w.root.get(), path, how), "openat2");
}

Failure ensureTarget(World& w, const char* path, const Lookup& lookup, Target& out) {
  int flags = O_PATH | (lookup.noFollow ? O_NOFOLLOW : 0);
  auto f = openInRoot(w, path, flags, lookup.noSymlinks ? sys::resolveNoSymlinks : 0, out.fd);
  if (f.err == ENOENT) return Walk(w, lookup).run(path, out);
  if (f) w.say("%s", path);
  return f;
}

Failure ensureParent(World& w, const char* path, Entry& out) {
  size_t end = strlen(path);
  while (end > 0 && path[end - 1] == '/') end--;
  size_t start = end;
  while (start > 0 && path[start - 1] != '/') start--;
  const char* name = path + start;
  if (auto f = copyText(out.name, sizeof out.name, name, end - start)) return f;
  if (out.name[0] == '\0' || strcmp(out.name, ".") == 0 || strcmp(out.name, "..") == 0) return {EINVAL, "openat2"};
  char parent[PATH_MAX] = "/";
  if (start > 0) {
    if (auto f = copyText(parent, sizeof parent, path, start)) return f;
  }
  Target target;
  auto f = ensureTarget(w, parent, {}, target);
  out.parent = static_cast<Fd&&>(target.fd);
  return f;
}

Failure copyText(char* out, size_t capacity, const char* data, size_t size) {
  if (size >= capacity) return {ENAMETOOLONG, "openat2"};
  memcpy(out, data, size);
  out[size] = '\0';
  return success;
}
