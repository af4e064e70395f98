// Copying a directory's content into a new file system (tmpcopyup).
#pragma once
#include "../sys/failure.h"

// Copies everything below the directory `from` to the directory `to`: files, directories, symbolic links and FIFOs with
// owner, mode, times and extended attributes. Device nodes and sockets are left out. Nothing is followed.
Failure copyTree(int from, int to);
