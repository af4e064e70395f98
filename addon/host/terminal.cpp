#include "terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace host {

bool isTerminal(int fd) { return ::isatty(fd) == 1; }

Failure copyWindowSize(int from, int to) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) < 0) return errno == ENOTTY ? Failure{} : failed("TIOCGWINSZ");
  return check(::ioctl(to, TIOCSWINSZ, &size), "TIOCSWINSZ");
}

Failure setCloexec(int fd, bool on) {
  const int flags = ::fcntl(fd, F_GETFD);
  if (flags < 0) return failed("fcntl");
  return check(::fcntl(fd, F_SETFD, on ? flags | FD_CLOEXEC : flags & ~FD_CLOEXEC), "fcntl");
}

}  // namespace host
