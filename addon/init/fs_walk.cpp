#include "fs_walk.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

namespace {

// The kernel's own limit of symbolic links in one look-up (MAXSYMLINKS).
constexpr int maxLinks = 40;

}  // namespace

Failure Walk::run(const char* path, Target& out) {
  if (auto f = copyText(rest_, sizeof rest_, path, strlen(path))) return f;
  if (auto f = restart()) return f;
  Str name;
  while (next(name)) {
    if (auto f = copyText(name_, sizeof name_, name.data, name.size)) return f;
    memmove(rest_, name.data + name.size, strlen(name.data + name.size) + 1);
    if (auto f = step(name_)) {
      w_.say("%s/%s", done_, name_);
      return f;
    }
  }
  out.fd = static_cast<Fd&&>(at_);
  out.created = created_;
  return success;
}

// Finds the next component in rest_; what is left then begins after it. Slashes at the end are dropped, so that last()
// holds for the component before them.
bool Walk::next(Str& name) {
  for (size_t end = strlen(rest_); end > 0 && rest_[end - 1] == '/'; end--) rest_[end - 1] = '\0';
  const char* begin = rest_ + strspn(rest_, "/");
  name = {begin, static_cast<uint32_t>(strcspn(begin, "/"))};
  return !name.empty();
}

Failure Walk::step(const char* name) {
  if (strcmp(name, ".") == 0) return success;
  if (strcmp(name, "..") == 0) return leave();
  Fd entry;
  auto f = look(name, 0, entry);
  if (f.err == ENOENT) f = create(name, entry);
  if (f) return f;
  struct stat st{};
  if (auto g = check(::fstat(entry.get(), &st), "fstat")) return g;
  if (S_ISLNK(st.st_mode) && !(last() && lookup_.noFollow)) return follow(entry);
  return enter(name, static_cast<Fd&&>(entry));
}

// One name in the directory where the walk stands; a symbolic link is opened, not followed.
Failure Walk::look(const char* name, int flags, Fd& out) const {
  sys::OpenHow how{.flags = static_cast<uint64_t>(O_PATH | O_NOFOLLOW | O_CLOEXEC | flags),
                   .resolve = sys::resolveBeneath | sys::resolveNoMagiclinks};
  return adopt(out, sys::openat2(at_.get(), name, how), "openat2");
}

Failure Walk::create(const char* name, Fd& out) {
  FreeUmask umask;
  return last() && lookup_.kind == Kind::file ? createFile(name, out) : createDirectory(name, out);
}

// O_EXCL, because a link put there since we looked must not be written through. EEXIST is then either such a link,
// which stays an error, or another container starting on the same volume, which made what we wanted.
Failure Walk::createFile(const char* name, Fd& out) {
  int flags = O_RDONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  auto f = adopt(out, ::openat(at_.get(), name, flags, lookup_.mode), "openat");
  created_ = !f;
  if (f.err != EEXIST) return f;
  if (auto g = look(name, 0, out)) return g;
  struct stat st{};
  if (auto g = check(::fstat(out.get(), &st), "fstat")) return g;
  return S_ISREG(st.st_mode) ? success : f;
}

// mkdirat does not tell which directory it made: it is opened again as a directory that is no link.
Failure Walk::createDirectory(const char* name, Fd& out) {
  auto f = check(::mkdirat(at_.get(), name, last() ? lookup_.mode : 0755), "mkdirat");
  created_ = !f;
  if (f && f.err != EEXIST) return f;
  return look(name, O_DIRECTORY, out);
}

Failure Walk::enter(const char* name, Fd entry) {
  size_t length = strlen(done_);
  int written = snprintf(done_ + length, sizeof done_ - length, "/%s", name);
  if (written < 0 || length + static_cast<size_t>(written) >= sizeof done_) {
    done_[length] = '\0';
    return {ENAMETOOLONG, "openat2"};
  }
  at_ = static_cast<Fd&&>(entry);
  return success;
}

// Whether the link is one of procfs that leads to an object instead of a path, such as a descriptor of ours: the walk
// itself has some open, and their text must not be taken for a path either.
bool Walk::isMagic() const {
  sys::OpenHow how{.flags = O_PATH | O_CLOEXEC, .resolve = sys::resolveBeneath | sys::resolveNoMagiclinks};
  Fd end;
  return adopt(end, sys::openat2(at_.get(), name_, how), "openat2").err == ELOOP;
}

// A link inside the root is expanded as the kernel would inside a chroot: an absolute one begins at the root again.
Failure Walk::follow(const Fd& link) {
  if (lookup_.noSymlinks || ++links_ > maxLinks || isMagic()) return {ELOOP, "openat2"};
  char text[PATH_MAX];
  ssize_t size = ::readlinkat(link.get(), "", text, sizeof text);
  if (size <= 0) return {size == 0 ? ENOENT : errno, "readlinkat"};
  size_t length = static_cast<size_t>(size);
  size_t restLength = strlen(rest_);
  if (length + 1 + restLength >= sizeof rest_) return {ENAMETOOLONG, "openat2"};
  memmove(rest_ + length + 1, rest_, restLength + 1);
  memcpy(rest_, text, length);
  rest_[length] = restLength > 0 ? '/' : '\0';
  return text[0] == '/' ? restart() : success;
}

// ".." by forgetting the last component and looking the rest up again: the parent of an open directory may meanwhile
// lie outside the root. At the root it stays at the root.
Failure Walk::leave() {
  char* slash = strrchr(done_, '/');
  if (slash == nullptr) return success;
  *slash = '\0';
  if (done_[0] == '\0') return restart();
  return openInRoot(w_, done_, O_PATH | O_DIRECTORY, sys::resolveNoSymlinks, at_);
}

Failure Walk::restart() {
  done_[0] = '\0';
  return adopt(at_, ::fcntl(w_.root.get(), F_DUPFD_CLOEXEC, 3), "fcntl");
}
