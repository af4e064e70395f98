// System calls that the C libraries lack (musl 1.2.3, glibc 2.36 in part), with their kernel structures. The names are
// ours and not the kernel's: glibc defines some of the latter as macros. Linux 5.12 has all of them.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

// open_tree(2), move_mount(2)
inline constexpr unsigned openTreeClone = 0x1;
inline constexpr unsigned openTreeCloexec = 02000000;
inline constexpr unsigned atRecursive = 0x8000;
inline constexpr unsigned atEmptyPath = 0x1000;
inline constexpr unsigned atSymlinkNofollow = 0x100;
inline constexpr unsigned atNoAutomount = 0x800;
inline constexpr unsigned atEaccess = 0x200;
inline constexpr unsigned moveMountFromEmptyPath = 0x04;
inline constexpr unsigned moveMountToEmptyPath = 0x40;

// fsopen(2), fsconfig(2), fsmount(2), fspick(2)
inline constexpr unsigned fsopenCloexec = 0x1;
inline constexpr unsigned fsmountCloexec = 0x1;
inline constexpr unsigned fspickCloexec = 0x1;
inline constexpr unsigned fspickSymlinkNofollow = 0x2;
inline constexpr unsigned fspickNoAutomount = 0x4;
inline constexpr unsigned fspickEmptyPath = 0x8;
inline constexpr unsigned fsconfigSetFlag = 0;
inline constexpr unsigned fsconfigSetString = 1;
inline constexpr unsigned fsconfigSetFd = 5;
inline constexpr unsigned fsconfigCreate = 6;
inline constexpr unsigned fsconfigReconfigure = 7;

// mount_setattr(2)
inline constexpr uint64_t mountAttrRdonly = 0x1;
inline constexpr uint64_t mountAttrNosuid = 0x2;
inline constexpr uint64_t mountAttrNodev = 0x4;
inline constexpr uint64_t mountAttrNoexec = 0x8;
inline constexpr uint64_t mountAttrAtimeField = 0x70;
inline constexpr uint64_t mountAttrNoatime = 0x10;
inline constexpr uint64_t mountAttrStrictatime = 0x20;
inline constexpr uint64_t mountAttrNodiratime = 0x80;
inline constexpr uint64_t mountAttrIdmap = 0x100000;
inline constexpr uint64_t mountAttrNosymfollow = 0x200000;
struct MountAttr {
  uint64_t attrSet = 0;
  uint64_t attrClear = 0;
  uint64_t propagation = 0;
  uint64_t usernsFd = 0;
};

// openat2(2)
inline constexpr uint64_t resolveNoXdev = 0x01;
inline constexpr uint64_t resolveNoMagiclinks = 0x02;
inline constexpr uint64_t resolveNoSymlinks = 0x04;
inline constexpr uint64_t resolveBeneath = 0x08;
inline constexpr uint64_t resolveInRoot = 0x10;
struct OpenHow {
  uint64_t flags = 0;
  uint64_t mode = 0;
  uint64_t resolve = 0;
};

// clone3(2)
inline constexpr uint64_t clonePidfd = 0x1000;
inline constexpr uint64_t cloneVm = 0x100;
inline constexpr uint64_t cloneVfork = 0x4000;
inline constexpr uint64_t cloneParent = 0x8000;
inline constexpr uint64_t cloneIntoCgroup = 0x200000000;
struct CloneArgs {
  uint64_t flags = 0;
  uint64_t pidfd = 0;
  uint64_t childTid = 0;
  uint64_t parentTid = 0;
  uint64_t exitSignal = 0;
  uint64_t stack = 0;
  uint64_t stackSize = 0;
  uint64_t tls = 0;
  uint64_t setTid = 0;
  uint64_t setTidSize = 0;
  uint64_t cgroup = 0;
};

inline constexpr unsigned closeRangeCloexec = 0x4;

// sched_setattr(2), its second version
struct SchedAttr {
  uint32_t size = 56;
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
  // The specification names the flags of the utilization clamps, but gives them no values.
  uint32_t utilMin = 0;
  uint32_t utilMax = 0;
};

// f_type of fstatfs(2)
inline constexpr long procSuperMagic = 0x9fa0;
inline constexpr long devptsSuperMagic = 0x1cd1;

inline int openTree(int dir, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_open_tree, dir, path, flags));
}
inline int moveMount(int fromDir, const char* from, int toDir, const char* to, unsigned flags) {
  return static_cast<int>(::syscall(SYS_move_mount, fromDir, from, toDir, to, flags));
}
inline int fsopen(const char* fstype, unsigned flags) { return static_cast<int>(::syscall(SYS_fsopen, fstype, flags)); }
inline int fsconfig(int context, unsigned command, const char* key, const void* value, int aux) {
  return static_cast<int>(::syscall(SYS_fsconfig, context, command, key, value, aux));
}
inline int fsmount(int context, unsigned flags, unsigned attrs) {
  return static_cast<int>(::syscall(SYS_fsmount, context, flags, attrs));
}
inline int fspick(int dir, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_fspick, dir, path, flags));
}
inline int mountSetattr(int dir, const char* path, unsigned flags, const MountAttr& attr) {
  return static_cast<int>(::syscall(SYS_mount_setattr, dir, path, flags, &attr, sizeof attr));
}
inline int openat2(int dir, const char* path, const OpenHow& how) {
  return static_cast<int>(::syscall(SYS_openat2, dir, path, &how, sizeof how));
}
inline long clone3(const CloneArgs& args) { return ::syscall(SYS_clone3, &args, sizeof args); }
inline int closeRange(unsigned first, unsigned last, unsigned flags) {
  return static_cast<int>(::syscall(SYS_close_range, first, last, flags));
}
inline int faccessat2(int dir, const char* path, int mode, unsigned flags) {
  return static_cast<int>(::syscall(SYS_faccessat2, dir, path, mode, flags));
}
inline int pivotRoot(const char* newRoot, const char* putOld) {
  return static_cast<int>(::syscall(SYS_pivot_root, newRoot, putOld));
}
inline int pidfdOpen(int pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }
inline int pidfdSendSignal(int pidfd, int signal) {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}
// Typed, since through the variadic prctl(2) an int leaves half of the argument to chance.
inline int prctl(int option, unsigned long a = 0, unsigned long b = 0, unsigned long c = 0, unsigned long d = 0) {
  return static_cast<int>(::syscall(SYS_prctl, option, a, b, c, d));
}
inline int schedSetattr(const SchedAttr& attr) { return static_cast<int>(::syscall(SYS_sched_setattr, 0, &attr, 0)); }

}  // namespace sys
