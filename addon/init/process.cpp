// Operations that set attributes of the process and names of its namespaces: one system call each.
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "conversation.h"

namespace {

constexpr int ioprioWhoProcess = 1;
// Most NUMA nodes that a kernel can be built for.
constexpr size_t maxNodeBytes = 1024 / 8;
// Most CPUs (CONFIG_NR_CPUS of x86 with CONFIG_MAXSMP).
constexpr size_t maxCpuBytes = 8192 / 8;

}  // namespace

Failure run(World&, const op::SetHostname& o) { return check(::sethostname(o.name.data, o.name.size), "sethostname"); }

Failure run(World&, const op::SetDomainname& o) {
  return check(::setdomainname(o.name.data, o.name.size), "setdomainname");
}

Failure run(World&, const op::SetRlimit& o) {
  const uint64_t limit[2] = {o.soft, o.hard};
  return check(::syscall(SYS_prlimit64, 0, o.resource, limit, nullptr), "prlimit");
}

Failure run(World&, const op::SetPersonality& o) { return check(::personality(o.persona), "personality"); }

Failure run(World&, const op::SetScheduler& o) {
  return check(sys::schedSetattr({.policy = o.policy,
                                  .flags = o.flags,
                                  .nice = static_cast<int32_t>(o.nice),
                                  .priority = o.priority,
                                  .runtime = o.runtime,
                                  .deadline = o.deadline,
                                  .period = o.period}),
               "sched_setattr");
}

Failure run(World&, const op::SetIoPriority& o) {
  return check(::syscall(SYS_ioprio_set, ioprioWhoProcess, 0, o.value), "ioprio_set");
}

Failure run(World&, const op::SetMemoryPolicy& o) {
  if (o.nodes.size > maxNodeBytes) return {EINVAL, "set_mempolicy"};
  unsigned long mask[maxNodeBytes / sizeof(unsigned long)] = {};
  memcpy(mask, o.nodes.data, o.nodes.size);
  // The kernel takes one bit less than it is told (set_mempolicy(2), BUGS).
  unsigned long bits = o.nodes.size == 0 ? 0 : o.nodes.size * 8UL + 1;
  return check(::syscall(SYS_set_mempolicy, o.mode, bits == 0 ? nullptr : mask, bits), "set_mempolicy");
}

Failure run(World&, const op::SetAffinity& o) {
  unsigned char mask[maxCpuBytes];
  if (o.cpus.size > sizeof mask) return {EINVAL, "sched_setaffinity"};
  // The kernel cuts what is asked for down to the CPUs of the cpuset, also where there are none so high.
  memset(mask, o.cpus.size == 0 ? 0xff : 0, sizeof mask);
  memcpy(mask, o.cpus.data, o.cpus.size);
  return check(::syscall(SYS_sched_setaffinity, 0, sizeof mask, mask), "sched_setaffinity");
}

Failure run(World&, const op::SetUmask& o) {
  ::umask(o.mask);
  return success;
}

Failure run(World&, const op::SetNoNewPrivileges&) {
  return check(sys::prctl(PR_SET_NO_NEW_PRIVS, 1), "prctl(PR_SET_NO_NEW_PRIVS)");
}
