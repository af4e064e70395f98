// Paths of the container, turned into descriptors. A path inside the root is resolved once, by the kernel, under the
// root descriptor; from then on only the descriptor is used. Nothing a container (or another one that shares a volume
// with it) does to the names afterwards can move a mount or a file out of the root (CVE-2019-18837, CVE-2021-30465,
// CVE-2024-45310).
#pragma once
#include <limits.h>
#include <sys/stat.h>

#include "world.h"

enum class Kind { directory, file };

// How a target inside the root is looked up.
struct Lookup {
  Kind kind = Kind::directory;  // what to create where it is missing
  mode_t mode = 0755;           // of what is created last; the directories above it are 0755
  bool noSymlinks = false;      // ELOOP where any component is a symbolic link
  bool noFollow = false;        // a symbolic link as the last component is itself the target
};

struct Target {
  Fd fd;  // O_PATH
  bool created = false;
};

// A name in a directory of the root, for calls that make or remove names.
struct Entry {
  Fd parent;  // O_PATH
  char name[NAME_MAX + 1] = "";
};

// While one lives, new files have exactly the mode they are given: the caller's umask must not reach the container.
class FreeUmask {
 public:
  FreeUmask() : saved_(::umask(0)) {}
  FreeUmask(const FreeUmask&) = delete;
  FreeUmask& operator=(const FreeUmask&) = delete;
  ~FreeUmask() { ::umask(saved_); }

 private:
  mode_t saved_;
};

// Opens an existing path inside the root. flags are those of openat2, O_CLOEXEC is added; resolve is added to
// RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS.
Failure openInRoot(const World& w, const char* path, int flags, uint64_t resolve, Fd& out);

// Opens a target, creating what is missing of it. On failure World::detail names the component.
Failure ensureTarget(World& w, const char* path, const Lookup& lookup, Target& out);

// Opens the directory that holds (or is to hold) the last component of path, creating it when missing. EINVAL where the
// path has no last component that could be made: "", "/", "..".
Failure ensureParent(World& w, const char* path, Entry& out);

// Makes [data, data + size) a C string in out; ENAMETOOLONG where it does not fit.
Failure copyText(char* out, size_t capacity, const char* data, size_t size);
