// Small questions about descriptors.
#pragma once

#include "outcome.h"

namespace host {

bool isTerminal(int fd);
// Nothing happens when `from` is no terminal.
Failure copyWindowSize(int from, int to);
Failure setCloexec(int fd, bool on);

}  // namespace host
