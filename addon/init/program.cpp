// Finding and becoming the container's program.
//
// How a failure tells what was wrong (the caller turns it into a sentence):
//   findProgram  ENOENT  "search"     in none of the directories
//                ENOENT  "faccessat2" the name has a slash, and there is no such file
//                EACCES  "faccessat2" there, but not executable for this user; detail: the path, and why where it is
//                known EISDIR  "faccessat2" a directory; detail: the path
//   exec         any errno, "execve"; detail: see diagnose below
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "diagnosis.h"
#include "environment.h"
#include "world.h"

namespace {

constexpr long mountedNoexec = 8;  // ST_NOEXEC in f_flags of statfs(2)

// Effective ids, since it is these that execve goes by.
Failure checkExecutable(const char* path) {
  if (auto f = check(sys::faccessat2(AT_FDCWD, path, X_OK, sys::atEaccess), "faccessat2")) return f;
  struct stat st{};
  if (auto f = check(::stat(path, &st), "stat")) return f;
  return S_ISDIR(st.st_mode) ? Failure{EISDIR, "faccessat2"} : success;
}

void explain(World& w, const char* path, Failure failure) {
  if (failure.err == EISDIR) w.say("%s", path);
  if (failure.err != EACCES) return;
  struct stat st{};
  struct statfs fs{};
  bool marked = ::stat(path, &st) < 0 || (st.st_mode & 0111) != 0;
  bool noexec = ::statfs(path, &fs) == 0 && (fs.f_flags & mountedNoexec) != 0;
  w.say("%s%s", path, noexec ? ": mounted noexec" : marked ? "" : ": not marked executable");
}

Failure remember(World& w, const char* path, size_t size) {
  if (size >= sizeof w.program) return {ENAMETOOLONG, "execve"};
  memcpy(w.program, path, size + 1);
  return success;
}

// False where the joined path would be too long to exist.
bool join(char (&out)[4096], Str directory, Str name) {
  // An empty entry of PATH means the working directory (POSIX, environment variables).
  Str base = directory.empty() ? Str{".", 1} : directory;
  if (size_t{base.size} + name.size + 2 > sizeof out) return false;
  memcpy(out, base.data, base.size);
  out[base.size] = '/';
  memcpy(out + base.size + 1, name.data, name.size + 1);
  return true;
}

Failure searchProgram(World& w, const op::FindProgram& o) {
  Failure refusal;
  for (Str directory : o.directories) {
    char path[4096];
    if (!join(path, directory, o.name)) continue;
    Failure f = checkExecutable(path);
    if (!f) return remember(w, path, strlen(path));
    // A call that is not there, or denied by a filter: the next directory would only bring the same.
    if (f.err == ENOSYS || f.err == EPERM) return f;
    // As execvp(3): go on, and tell of a refusal only where nothing better comes. A directory is not a candidate.
    if (f.err == EACCES && !refusal) {
      refusal = f;
      explain(w, path, f);
    }
  }
  return refusal ? refusal : Failure{ENOENT, "search"};
}

// Runs the program; returns only where it failed.
Failure become(World& w, char* const* argv, char* const* env) {
  ::execve(w.program, argv, env);
  int err = errno;
  diagnose(w, err);
  return {err, "execve"};
}

}  // namespace

Failure run(World& w, const op::FindProgram& o) {
  // Even in a directory, "" would be found: as that directory.
  if (o.name.empty()) return {ENOENT, "search"};
  if (strchr(o.name.data, '/') == nullptr) return searchProgram(w, o);
  if (auto f = checkExecutable(o.name.data)) {
    explain(w, o.name.data, f);
    return f;
  }
  return remember(w, o.name.data, o.name.size);
}

Failure run(World&, const op::CloseFds& o) {
  return check(sys::closeRange(3 + o.preserve, ~0U, sys::closeRangeCloexec), "close_range");
}

Failure run(World& w, const op::Exec& o) {
  if (w.program[0] == 0) return {ENOENT, "execve"};
  CStrings args;
  if (auto f = args.assign(o.args, nullptr)) return f;
  char home[sizeof w.home + sizeof "HOME="] = "HOME=";
  memcpy(home + 5, w.home, strlen(w.home) + 1);
  CStrings env;
  if (auto f = env.assign(o.env, w.home[0] == 0 ? nullptr : home)) return f;
  return become(w, args.get(), env.get());
}
