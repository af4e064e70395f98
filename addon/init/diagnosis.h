// Why execve failed although the program is there.
#pragma once
#include "world.h"

// Says, for the program of w and the errno of execve:
//   ENOENT   "interpreter /bin/foo" (first line of a script) or "ELF interpreter /lib64/ld-linux-x86-64.so.2": it is
//   missing EACCES   the same words, where it is the interpreter that may not be executed ENOEXEC  "built for another
//   machine (ELF machine 183)", "neither ELF nor #!", or "damaged ELF file"
// and nothing where the file tells nothing.
void diagnose(World& w, int err);
