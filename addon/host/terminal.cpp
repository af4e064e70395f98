#include "terminal.h"

#include <sys/ioctl.h>

#include <cerrno>

namespace host {

Failure copyWindowSize(int from, int to) {
  winsize size{};
  if (::ioctl(from, TIOCGWINSZ, &size) < 0) return errno == ENOTTY ? Failure{} : failed("TIOCGWINSZ");
  return check(::ioctl(to, TIOCSWINSZ, &size), "TIOCSWINSZ");
}

}  // namespace host
