// Small questions about descriptors.
#pragma once

#include <cstdint>

#include "outcome.h"

namespace host {

struct WindowSize {
  uint16_t width;
  uint16_t height;
};

bool isTerminal(int fd);
// ENOTTY where fd is no terminal.
Outcome<WindowSize> windowSize(int fd);
Failure setCloexec(int fd, bool on);

}  // namespace host
