// Attributes of mounts, always named by a descriptor of the mount's root.
#pragma once
#include "world.h"

struct AttrChange {
  uint64_t set = 0;    // MOUNT_ATTR_*
  uint64_t clear = 0;  // MOUNT_ATTR_*; any bit of the atime field means the whole field
  bool recursive = false;
  bool keepLocked = false;  // what an outer user namespace locked stays as it is
};

// Does nothing where nothing is to be changed.
Failure changeAttrs(int mount, const AttrChange& change);

// propagation: MS_SHARED | MS_SLAVE | MS_PRIVATE | MS_UNBINDABLE, 0 for no change.
Failure changePropagation(int mount, uint64_t propagation, bool recursive);

// Gives a detached mount the mapping of a user namespace; userns -1 for no change.
Failure changeIdmap(int mount, int userns, bool recursive);

// A detached copy of what is mounted at an open file or directory.
Failure cloneMount(int at, bool recursive, Fd& out);

// Attaches a detached mount on an open file or directory.
Failure attach(int mount, int target);

// The same at a place that config.json names, where a directory may meet a file: ENOTDIR, and World::detail says which
// is which.
Failure attachAsAsked(World& w, int mount, int target);
