// The host's procfs and sysfs, where there is no pivot_root that would take them away.
#pragma once
#include "world.h"

// Unmounts, in this mount namespace, every complete proc and sysfs mount that lies outside the root; one that is locked
// is covered by an empty read-only tmpfs. With --no-pivot the host's mounts stay below the container's root: a process
// that finds a way there, or a user namespace that only may mount a proc because a full one is there, must not profit
// by them.
Failure hideHostMounts(World& w);
