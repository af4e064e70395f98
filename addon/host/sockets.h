// Unix sockets in directories that are at hand as descriptors, and of engines by path.
#pragma once

#include <string>
#include <string_view>

#include "outcome.h"

namespace host {

Outcome<Fd> listenAt(int dirfd, const std::string& name);
Outcome<Fd> connectAt(int dirfd, const std::string& name);
// Connects to the stream socket at path and sends fd beside payload, which must not be empty: a descriptor travels with
// data.
Failure sendFd(const std::string& path, int fd, std::string_view payload);

}  // namespace host
