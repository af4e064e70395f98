// Masked and read-only paths.
#include <fcntl.h>
#include <sys/sysmacros.h>

#include "fs_attrs.h"
#include "fs_context.h"
#include "fs_path.h"

namespace {

// A path that is not there needs no hiding: kernels and images differ in what they have.
bool isMissing(const Failure& f) { return f.err == ENOENT || f.err == ENOTDIR; }

// What covers a masked file must be the null device and not what somebody else put at its name (CVE-2025-31133). It is
// looked up once and then only used by descriptor.
Failure openNullDevice(World& w) {
  if (w.nullDevice.valid()) return success;
  Fd fd;
  if (auto f = adopt(fd, ::open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC), "open")) return f;
  struct stat st{};
  if (auto f = check(::fstat(fd.get(), &st), "fstat")) return f;
  if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3)) {
    w.say("/dev/null is not the null device");
    return {ENODEV, "open"};
  }
  w.nullDevice = static_cast<Fd&&>(fd);
  return success;
}

Failure maskFile(World& w, int target) {
  if (auto f = openNullDevice(w)) return f;
  Fd mount;
  if (auto f = cloneMount(w.nullDevice.get(), false, mount)) return f;
  return attach(mount.get(), target);
}

// Two inodes, because some kernels count the root twice.
constexpr const char* emptyOptions[] = {"ro", "nr_blocks=1", "nr_inodes=2", "mode=755"};

Failure makeEmptyDirectory(World& w, Str label, Fd& out) {
  FsContext context(w);
  if (auto f = context.open("tmpfs")) return f;
  for (const char* option : emptyOptions) {
    if (auto f = context.set(option)) return f;
  }
  if (!label.empty()) {
    if (auto f = context.setString("context", label.data)) return f;
  }
  return context.mount(sys::mountAttrRdonly | sys::mountAttrNosuid | sys::mountAttrNodev | sys::mountAttrNoexec, out);
}

// One tmpfs for all masked directories. Linux before 6.15 clones attached mounts only, hence the first target gets the
// original and the others get clones of it.
Failure maskDirectory(World& w, Str label, int target) {
  Fd mount;
  bool first = !w.emptyDirectory.valid();
  if (auto f = first ? makeEmptyDirectory(w, label, mount) : cloneMount(w.emptyDirectory.get(), false, mount)) return f;
  if (auto f = attach(mount.get(), target)) return f;
  if (first) w.emptyDirectory = static_cast<Fd&&>(mount);
  return success;
}

}  // namespace

Failure run(World& w, const op::MaskPath& o) {
  Fd target;
  auto f = openInRoot(w, o.path.data, O_PATH, 0, target);
  if (f) return isMissing(f) ? success : f;
  struct stat st{};
  if (auto g = check(::fstat(target.get(), &st), "fstat")) return g;
  return S_ISDIR(st.st_mode) ? maskDirectory(w, o.label, target.get()) : maskFile(w, target.get());
}

Failure run(World& w, const op::ReadonlyPath& o) {
  Fd target;
  auto f = openInRoot(w, o.path.data, O_PATH, 0, target);
  if (f) return isMissing(f) ? success : f;
  Fd mount;
  if (auto g = cloneMount(target.get(), true, mount)) return g;
  if (auto g = changeAttrs(mount.get(), {.set = sys::mountAttrRdonly, .recursive = true})) return g;
  return attach(mount.get(), target.get());
}
