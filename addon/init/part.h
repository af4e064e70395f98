// Running one encoded part of a plan.
#pragma once
#include "world.h"

// Runs the part in the sealed memfd, whose operations name the descriptors in `fds` by index. All of it is decoded
// before anything is run: a damaged part has no effect. On failure w.step tells which operation failed.
Failure runPart(World& w, int memfd, Fd* fds, uint32_t fdCount);
