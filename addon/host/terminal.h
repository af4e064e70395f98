// The terminal of a foreground container.
#pragma once

#include "outcome.h"

namespace host {

// Nothing happens when `from` is no terminal.
Failure copyWindowSize(int from, int to);

}  // namespace host
