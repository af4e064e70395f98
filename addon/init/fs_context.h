// A file system context (fsopen, fspick): how a superblock is configured before, or changed after, it is mounted.
#pragma once
#include "world.h"

// The longest value that fsconfig(2) takes (the kernel copies 256 bytes with the NUL).
inline constexpr size_t maxOptionValue = 255;

class FsContext {
 public:
  explicit FsContext(World& w) : w_(w) {}

  // A new instance of fstype.
  Failure open(const char* fstype);
  // What is mounted at an open file or directory.
  Failure pick(int target);
  // "key" or "key=value".
  Failure set(const char* option);
  Failure setString(const char* key, const char* value);
  // The detached mount of the configured instance; attrs: MOUNT_ATTR_*.
  Failure mount(uint64_t attrs, Fd& out);
  Failure reconfigure();

 private:
  // Passes a failure on, after asking the kernel for its reasons.
  Failure explain(Failure f);

  World& w_;
  Fd context_;
};
