// Network devices that change their network namespace.
#pragma once

#include <string>

#include "outcome.h"

namespace host {

struct NetDeviceMove {
  // Network namespaces, open.
  int from;
  int to;
  std::string name;
  // "eth%d": the kernel chooses the number.
  std::string newName;
  // Set it up in its new place.
  bool up;
};

struct MovedNetDevice {
  std::string name;
  bool wasUp;
};

// Moves the device, names it, and gives it back the permanent addresses of global scope, which the kernel takes from
// it. Where one of that fails the device is back in its place. The call of the failure tells what failed;
// src/lifecycle/net-devices.ts has the words.
Outcome<MovedNetDevice> moveNetDevice(const NetDeviceMove& move);

}  // namespace host
