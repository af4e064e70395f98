// The only place that calls mount(2). Its target is a path, which inside the root is a race with whoever can rename
// there (CVE-2021-30465). So it never gets a path of the container: it mounts on a directory of an empty tmpfs made for
// the purpose, named relative to the tmpfs's own root, and takes a detached copy from there.
#include "fs_legacy_mount.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "fs_attrs.h"
#include "fs_context.h"

namespace {

// Superblock flags that fsconfig takes as options, but mount(2) only as bits; and those that only mount(2) has.
struct Flag {
  const char* option;
  unsigned long bit;
  bool onlyHere;
};
constexpr Flag flagTable[] = {
    {"ro", MS_RDONLY, false},
    {"rw", 0, false},
    {"sync", MS_SYNCHRONOUS, false},
    {"async", 0, false},
    {"dirsync", MS_DIRSYNC, false},
    {"mand", MS_MANDLOCK, false},
    {"nomand", 0, false},
    {"lazytime", 1UL << 25, false},
    {"nolazytime", 0, false},
    {"silent", MS_SILENT, true},
    {"loud", 0, true},
    {"iversion", MS_I_VERSION, true},
    {"noiversion", 0, true},
};

const Flag* findFlag(Str option) {
  for (const Flag& flag : flagTable) {
    if (strcmp(flag.option, option.data) == 0) return &flag;
  }
  return nullptr;
}

bool isLong(Str option) {
  const char* equals = strchr(option.data, '=');
  return equals != nullptr && strlen(equals + 1) > maxOptionValue;
}

// What mount(2) takes besides names: the kernel copies one page of text.
struct Arguments {
  unsigned long flags = 0;
  char text[4096] = "";
  size_t size = 0;
};

Failure appendText(Arguments& to, const char* text, size_t size) {
  if (to.size + size >= sizeof to.text) return {E2BIG, "mount"};
  memcpy(to.text + to.size, text, size);
  to.size += size;
  to.text[to.size] = '\0';
  return success;
}

// The categories of an SELinux context are separated by commas, as options are; the kernel reads it in quotes.
constexpr const char* contextKeys[] = {"context=", "fscontext=", "defcontext=", "rootcontext="};

size_t contextKeyLength(Str option) {
  for (const char* key : contextKeys) {
    if (strncmp(option.data, key, strlen(key)) == 0) return strlen(key);
  }
  return 0;
}

Failure append(Arguments& to, Str option) {
  if (const Flag* flag = findFlag(option)) {
    to.flags |= flag->bit;
    return success;
  }
  if (to.size > 0) {
    if (auto f = appendText(to, ",", 1)) return f;
  }
  size_t key = contextKeyLength(option);
  if (key == 0) return appendText(to, option.data, option.size);
  if (auto f = appendText(to, option.data, key)) return f;
  if (auto f = appendText(to, "\"", 1)) return f;
  if (auto f = appendText(to, option.data + key, option.size - key)) return f;
  return appendText(to, "\"", 1);
}

Failure collect(const op::Mount& o, const char* extra, Arguments& out) {
  if (extra[0] != '\0') {
    if (auto f = append(out, Str{extra, static_cast<uint32_t>(strlen(extra))})) return f;
  }
  for (Str option : o.options) {
    if (auto f = append(out, option)) return f;
  }
  return success;
}

constexpr const char* place = "mount";

// An empty tmpfs with one directory, attached at target, because mount(2) refuses to work on what is not attached.
Failure makeScratch(World& w, int target, Fd& out) {
  FsContext context(w);
  if (auto f = context.open("tmpfs")) return f;
  if (auto f = context.mount(sys::mountAttrNosuid | sys::mountAttrNodev | sys::mountAttrNoexec, out)) return f;
  if (auto f = check(::mkdirat(out.get(), place, 0700), "mkdirat")) return f;
  return attachAsAsked(w, out.get(), target);
}

Failure mountHere(const op::Mount& o, const Arguments& arguments, Fd& out) {
  const char* source = o.source.empty() ? "none" : o.source.data;
  if (auto f = check(::mount(source, place, o.fstype.data, arguments.flags, arguments.text), "mount")) return f;
  return adopt(out, sys::openTree(AT_FDCWD, place, sys::openTreeClone | sys::openTreeCloexec), "open_tree");
}

// Runs mountHere with the scratch directory as working directory, and leaves neither behind.
Failure mountInScratch(const op::Mount& o, const Arguments& arguments, const Fd& scratch, Fd& out) {
  Fd before;
  if (auto f = adopt(before, ::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC), "open")) return f;
  if (auto f = check(::fchdir(scratch.get()), "fchdir")) return f;
  auto mounted = mountHere(o, arguments, out);
  auto detached = check(::umount2(".", MNT_DETACH), "umount2");
  auto returned = check(::fchdir(before.get()), "fchdir");
  if (mounted) return mounted;
  return detached ? detached : returned;
}

}  // namespace

bool needsOptionString(const op::Mount& o) {
  if (o.source.size > maxOptionValue) return true;
  for (Str option : o.options) {
    const Flag* flag = findFlag(option);
    if (isLong(option) || (flag != nullptr && flag->onlyHere)) return true;
  }
  return false;
}

Failure mountByOptionString(World& w, const op::Mount& o, const char* extra, uint64_t attrs, int target, Fd& out) {
  Arguments arguments;
  if (auto f = collect(o, extra, arguments)) return f;
  Fd scratch;
  if (auto f = makeScratch(w, target, scratch)) return f;
  if (auto f = mountInScratch(o, arguments, scratch, out)) return f;
  return changeAttrs(out.get(), {.set = attrs});
}
