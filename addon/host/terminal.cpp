#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace host {

bool isTerminal(int fd) { return ::isatty(fd) == 1; }

Outcome<WindowSize> windowSize(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) < 0) return failed("TIOCGWINSZ");
  return WindowSize{size.ws_col, size.ws_row};
}

Failure setCloexec(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags < 0) return failed("fcntl");
  return check(::fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC), "fcntl");
}

}  // namespace host
