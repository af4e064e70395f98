// Operations on user and capabilities.
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>

#include "world.h"

namespace {

constexpr unsigned maxCapability = 63;
constexpr uint32_t capabilityVersion3 = 0x20080522;

struct CapHeader {
  uint32_t version = capabilityVersion3;
  int pid = 0;
};

struct CapData {
  uint32_t effective = 0;
  uint32_t permitted = 0;
  uint32_t inheritable = 0;
};

constexpr uint64_t bit(unsigned capability) { return uint64_t{1} << capability; }
constexpr uint32_t low(uint64_t set) { return static_cast<uint32_t>(set); }
constexpr uint32_t high(uint64_t set) { return static_cast<uint32_t>(set >> 32); }

// The capabilities of this kernel. A config may name newer ones: nobody can have them, so leaving them out takes
// nothing.
uint64_t knownCapabilities() {
  uint64_t known = 0;
  for (unsigned capability = 0; capability <= maxCapability; ++capability) {
    if (sys::prctl(PR_CAPBSET_READ, capability) < 0) break;
    known |= bit(capability);
  }
  return known;
}

Failure readPermitted(uint64_t& out) {
  CapHeader header;
  CapData data[2];
  if (auto f = check(::syscall(SYS_capget, &header, data), "capget")) return f;
  out = uint64_t{data[1].permitted} << 32 | data[0].permitted;
  return success;
}

Failure raiseAmbient(World& w, uint64_t ambient) {
  if (auto f = check(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL), "prctl(PR_CAP_AMBIENT)")) return f;
  for (unsigned capability = 0; capability <= maxCapability; ++capability) {
    if ((ambient & bit(capability)) == 0) continue;
    if (sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability) < 0) {
      int err = errno;
      w.say("capability %u", capability);
      return {err, "prctl(PR_CAP_AMBIENT)"};
    }
  }
  return success;
}

// Which capability the kernel refused: it only says EPERM.
void explainRefusal(World& w, uint64_t wanted) {
  uint64_t permitted = 0;
  if (readPermitted(permitted)) return;
  uint64_t missing = wanted & ~permitted;
  if (missing != 0) w.say("capability %d", __builtin_ctzll(missing));
}

// To setresuid(2) and setresgid(2) the largest number means "as it is": the process would stay root. Nothing valid
// names it; a mistake above must not make root of nobody.
Failure requireIds(uint32_t uid, uint32_t gid) {
  return uid == UINT32_MAX || gid == UINT32_MAX ? Failure{EINVAL, "setresuid"} : success;
}

}  // namespace

Failure run(World& w, const op::SetBoundingCapabilities& o) {
  uint64_t drop = knownCapabilities() & ~o.keep;
  for (unsigned capability = 0; capability <= maxCapability; ++capability) {
    // One that is gone already needs no CAP_SETPCAP.
    if ((drop & bit(capability)) == 0 || sys::prctl(PR_CAPBSET_READ, capability) == 0) continue;
    if (sys::prctl(PR_CAPBSET_DROP, capability) < 0) {
      int err = errno;
      w.say("capability %u", capability);
      return {err, "prctl(PR_CAPBSET_DROP)"};
    }
  }
  return success;
}

Failure run(World&, const op::SetUser& o) {
  if (auto f = requireIds(o.uid, o.gid)) return f;
  // Without this, leaving uid 0 would clear the permitted set before setCapabilities says what stays.
  if (auto f = check(sys::prctl(PR_SET_KEEPCAPS, 1), "prctl(PR_SET_KEEPCAPS)")) return f;
  if (o.setGroups != 0) {
    if (auto f = check(::setgroups(o.groups.size(), o.groups.data()), "setgroups")) return f;
  }
  if (auto f = check(::setresgid(o.gid, o.gid, o.gid), "setresgid")) return f;
  return check(::setresuid(o.uid, o.uid, o.uid), "setresuid");
}

// The kernel leaves out bits that it does not know, and refuses to add any.
Failure run(World&, const op::NarrowCapabilities& o) {
  CapHeader header;
  const CapData data[2] = {{low(o.effective), low(o.permitted), low(o.inheritable)},
                           {high(o.effective), high(o.permitted), high(o.inheritable)}};
  return check(::syscall(SYS_capset, &header, data), "capset");
}

Failure run(World& w, const op::SetCapabilities& o) {
  uint64_t known = knownCapabilities();
  uint64_t effective = o.effective & known;
  uint64_t permitted = o.permitted & known;
  uint64_t inheritable = o.inheritable & known;
  CapHeader header;
  const CapData data[2] = {{low(effective), low(permitted), low(inheritable)},
                           {high(effective), high(permitted), high(inheritable)}};
  if (::syscall(SYS_capset, &header, data) < 0) {
    int err = errno;
    explainRefusal(w, effective | permitted | inheritable);
    return {err, "capset"};
  }
  return raiseAmbient(w, o.ambient & known);
}
