// The slow way of looking up a target: component by component, creating what is missing. Needed only where the kernel
// said ENOENT for the whole path.
#pragma once
#include "fs_path.h"

class Walk {
 public:
  Walk(World& w, const Lookup& lookup) : w_(w), lookup_(lookup) {}
  Failure run(const char* path, Target& out);

 private:
  bool next(Str& name);
  [[nodiscard]] bool last() const { return rest_[0] == '\0'; }
  Failure step(const char* name);
  Failure look(const char* name, int flags, Fd& out) const;
  Failure create(const char* name, Fd& out);
  Failure createFile(const char* name, Fd& out);
  Failure createDirectory(const char* name, Fd& out);
  Failure enter(const char* name, Fd entry);
  [[nodiscard]] bool isMagic() const;
  Failure follow(const Fd& link);
  Failure leave();
  Failure restart();

  World& w_;
  const Lookup& lookup_;
  Fd at_;                  // where the walk stands
  char done_[PATH_MAX]{};  // how it got there from the root: no symbolic links, no "..", "" for the root
  char rest_[PATH_MAX]{};  // what is still to be walked
  char name_[NAME_MAX + 1]{};
  int links_ = 0;
  bool created_ = false;
};
