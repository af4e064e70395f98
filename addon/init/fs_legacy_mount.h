// mount(2), for the few things that fsconfig(2) cannot say.
#pragma once
#include "world.h"

// Is an option too long for fsconfig (lists of overlay layers), or a flag that only mount(2) has?
bool needsOptionString(const op::Mount& o);

// As a FsContext would: the detached mount of a new instance. extra: one more option, or "". target: where it will be
// attached.
Failure mountByOptionString(World& w, const op::Mount& o, const char* extra, uint64_t attrs, int target, Fd& out);
