#include "net_device.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/random.h>

#include <cstdio>
#include <cstring>
#include <vector>

#include "netlink.h"

namespace host {
namespace {

// What failed, as src/lifecycle/net-devices.ts knows it.
constexpr const char* findCall = "RTM_GETLINK";
constexpr const char* takenCall = "RTM_GETLINK(new name)";
constexpr const char* addressesCall = "RTM_GETADDR";
constexpr const char* moveCall = "RTM_SETLINK(IFLA_NET_NS_FD)";
constexpr const char* renameCall = "RTM_SETLINK(IFLA_IFNAME)";
constexpr const char* addCall = "RTM_NEWADDR";
constexpr const char* upCall = "RTM_SETLINK(IFF_UP)";
constexpr const char* lostCall = "RTM_SETLINK(back)";

// Of an address that travels; the other flags tell what became of it, and are the kernel's to set.
constexpr uint32_t keptFlags =
    IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
// IFA_PROTO is younger than the kernel headers of some systems.
constexpr uint16_t keptAttributes[] = {IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_RT_PRIORITY, 11};

struct Device {
  int index = 0;
  bool up = false;
  std::string name;
};

struct Address {
  ifaddrmsg header{};
  uint32_t flags = 0;
  std::string label;
  std::vector<std::pair<uint16_t, std::vector<uint8_t>>> attributes;
};

std::string text(std::span<const uint8_t> bytes) {
  const auto* from = reinterpret_cast<const char*>(bytes.data());
  return bytes.empty() ? "" : std::string(from, ::strnlen(from, bytes.size()));
}

ifinfomsg link(int index) {
  ifinfomsg header{};
  header.ifi_index = index;
  return header;
}

Outcome<Device> find(Netlink& space, Request request, const char* call) {
  Device found;
  const Failure failure = space.ask(std::move(request), call, sizeof(ifinfomsg), [&found](const Reply& reply) {
    const auto& header = reply.header<ifinfomsg>();
    found = {header.ifi_index, (header.ifi_flags & IFF_UP) != 0, text(reply.attribute(sizeof header, IFLA_IFNAME))};
  });
  if (failure) return failure;
  return found;
}

Outcome<Device> findByName(Netlink& space, const std::string& name, const char* call) {
  return find(space, Request(RTM_GETLINK, NLM_F_ACK, link(0)).add(IFLA_IFNAME, name), call);
}

Address addressOf(const Reply& reply) {
  const auto& header = reply.header<ifaddrmsg>();
  Address address{header, header.ifa_flags, text(reply.attribute(sizeof header, IFA_LABEL)), {}};
  const auto flags = reply.attribute(sizeof header, IFA_FLAGS);
  if (flags.size() == sizeof address.flags) std::memcpy(&address.flags, flags.data(), flags.size());
  for (const uint16_t type : keptAttributes) {
    const auto value = reply.attribute(sizeof header, type);
    if (!value.empty()) address.attributes.emplace_back(type, std::vector(value.begin(), value.end()));
  }
  return address;
}

// config-linux.md "Network Devices": permanent, of global scope, of any family.
bool travels(const Address& address, int index) {
  return static_cast<int>(address.header.ifa_index) == index && address.header.ifa_scope == RT_SCOPE_UNIVERSE &&
         (address.flags & IFA_F_PERMANENT) != 0;
}

Outcome<std::vector<Address>> addressesOf(Netlink& space, int index) {
  std::vector<Address> found;
  const Failure failure = space.ask(Request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{}), addressesCall, sizeof(ifaddrmsg),
                                    [&found, index](const Reply& reply) {
                                      Address address = addressOf(reply);
                                      if (travels(address, index)) found.push_back(std::move(address));
                                    });
  if (failure) return failure;
  return found;
}

// "eth0:web" follows the device's name; without one the kernel takes the name itself.
std::string relabelled(const std::string& label, const std::string& before, const std::string& now) {
  if (label.size() <= before.size() || label.compare(0, before.size() + 1, before + ":") != 0) return "";
  std::string made = now + label.substr(before.size());
  return made.size() < IFNAMSIZ ? made : "";
}

Failure addAddress(Netlink& space, const Device& device, const std::string& before, const Address& address) {
  ifaddrmsg header = address.header;
  header.ifa_index = static_cast<uint32_t>(device.index);
  header.ifa_flags = 0;
  Request request(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, header);
  for (const auto& [type, value] : address.attributes) request.add(type, value);
  request.add(IFA_FLAGS, address.flags & keptFlags);
  const std::string label = relabelled(address.label, before, device.name);
  if (!label.empty()) request.add(IFA_LABEL, label);
  return space.tell(std::move(request), addCall);
}

Failure setUp(Netlink& space, int index) {
  ifinfomsg header = link(index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  return space.tell(Request(RTM_SETLINK, NLM_F_ACK, header), upCall);
}

std::string temporaryName() {
  uint32_t number = 0;
  if (::getrandom(&number, sizeof number, GRND_NONBLOCK) < 0) number = static_cast<uint32_t>(::getpid());
  char name[IFNAMSIZ];
  std::snprintf(name, sizeof name, "tsrunc%08x", number);
  return name;
}

// How a device is to be where it arrives.
struct Arrival {
  const std::string& name;
  // Its name before, which labels of addresses begin with.
  const std::string& before;
  bool up;
  const std::vector<Address>& addresses;
};

Outcome<std::string> settle(Netlink& space, int index, const Arrival& arrival) {
  Request rename(RTM_SETLINK, NLM_F_ACK, link(index));
  if (const Failure f = space.tell(rename.add(IFLA_IFNAME, arrival.name), renameCall)) return f;
  const Outcome<Device> named = find(space, Request(RTM_GETLINK, NLM_F_ACK, link(index)), findCall);
  if (named.failure) return named.failure;
  for (const Address& address : arrival.addresses) {
    if (const Failure f = addAddress(space, named.value, arrival.before, address)) return f;
  }
  if (arrival.up) {
    if (const Failure f = setUp(space, index)) return f;
  }
  return named.value.name;
}

// Into the other namespace, under a name that is free in both: with the wanted one the kernel may move the device and
// then fail to rename it. Its index may be another one there.
Outcome<Device> pass(Netlink& from, int index, int space, Netlink& to) {
  const std::string passing = temporaryName();
  Request request(RTM_SETLINK, NLM_F_ACK, link(index));
  request.add(IFLA_NET_NS_FD, static_cast<uint32_t>(space)).add(IFLA_IFNAME, passing);
  if (const Failure f = from.tell(std::move(request), moveCall)) return f;
  return findByName(to, passing, findCall);
}

bool isTemplate(const std::string& name) { return name.find('%') != std::string::npos; }

Failure refuseTaken(Netlink& to, const std::string& name) {
  if (isTemplate(name)) return success;
  const Outcome<Device> other = findByName(to, name, takenCall);
  if (!other.failure) return Failure{EEXIST, takenCall};
  return other.failure.err == ENODEV ? success : other.failure;
}

struct Journey {
  const NetDeviceMove& move;
  Netlink from;
  Netlink to;
  Device device;
  std::vector<Address> addresses;

  explicit Journey(const NetDeviceMove& asked) : move(asked) {}
  Failure prepare();
  Outcome<std::string> go();

 private:
  Failure giveBack(int index);
};

Failure Journey::prepare() {
  Outcome<Netlink> here = Netlink::in(move.from);
  if (here.failure) return here.failure;
  Outcome<Netlink> there = Netlink::in(move.to);
  if (there.failure) return there.failure;
  Outcome<Device> found = findByName(here.value, move.name, findCall);
  if (found.failure) return found.failure;
  if (const Failure f = refuseTaken(there.value, move.newName)) return f;
  Outcome<std::vector<Address>> seen = addressesOf(here.value, found.value.index);
  if (seen.failure) return seen.failure;
  from = std::move(here.value);
  to = std::move(there.value);
  device = std::move(found.value);
  addresses = std::move(seen.value);
  return success;
}

Outcome<std::string> Journey::go() {
  const Outcome<Device> arrived = pass(from, device.index, move.to, to);
  if (arrived.failure) return arrived.failure;
  Outcome<std::string> settled = settle(to, arrived.value.index, {move.newName, move.name, move.up, addresses});
  if (settled.failure && giveBack(arrived.value.index)) return Failure{settled.failure.err, lostCall};
  return settled;
}

Failure Journey::giveBack(int index) {
  const Outcome<Device> back = pass(to, index, move.from, from);
  if (back.failure) return back.failure;
  return settle(from, back.value.index, {move.name, move.name, device.up, addresses}).failure;
}

}  // namespace

Outcome<MovedNetDevice> moveNetDevice(const NetDeviceMove& move) {
  Journey journey(move);
  if (const Failure f = journey.prepare()) return f;
  const Outcome<std::string> name = journey.go();
  if (name.failure) return name.failure;
  return MovedNetDevice{name.value, journey.device.up};
}

}  // namespace host
