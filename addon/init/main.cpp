// The init helper: a static program without a library, started inside the container to be, from a sealed memfd. It
// reads no configuration and knows no policy: it runs the operations that it is sent (docs/wire.md) and reports the
// first failure. Under its other name it is the monitor of a foreground `run`.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conversation.h"
#include "part.h"

namespace {

constexpr int firstExtraFd = 3;
constexpr uint32_t maxExtraFds = 1U << 20;

// Strict: digits only, whole string.
bool parseCount(const char* text, uint32_t& out) {
  if (text == nullptr || *text == 0) return false;
  uint32_t value = 0;
  for (; *text != 0; ++text) {
    if (*text < '0' || *text > '9' || value > maxExtraFds) return false;
    value = value * 10 + static_cast<uint32_t>(*text - '0');
  }
  out = value;
  return value <= maxExtraFds;
}

// Nobody can be told in a better way: there is no conversation.
[[noreturn]] void dieUsage() {
  dprintf(2, "tsrunc-init is started by tsrunc only\n");
  _exit(2);
}

// One part: received and run.
Failure nextPart(World& w, bool& received) {
  w.step = noStep;
  ReceivedPart part;
  if (auto f = receivePart(w, part, received)) return f;
  return received ? runPart(w, part.fds[0].get(), part.fds + 1, part.fdCount - 1) : success;
}

int converse(const char* extraFds) {
  uint32_t extra = 0;
  if (!parseCount(extraFds, extra)) dieUsage();
  World w;
  w.conversation.reset(firstExtraFd + static_cast<int>(extra));
  // It had to survive the exec that started us; it must not survive the next.
  if (::fcntl(w.conversation.get(), F_SETFD, FD_CLOEXEC) < 0) dieUsage();
  for (;;) {
    bool received = false;
    if (auto f = nextPart(w, received)) {
      reportFailure(w, f);
      return 1;
    }
    if (!received) return 0;
  }
}

constexpr int monitorPart = 3;

// The runtime put the descriptors of the part behind the memfd, one after the other, and closed everything else.
uint32_t takeMonitorFds(Fd* fds) {
  uint32_t count = 0;
  while (count < maxMessageFds) {
    int fd = monitorPart + 1 + static_cast<int>(count);
    if (::fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) break;
    fds[count++].reset(fd);
  }
  return count;
}

int monitor() {
  World w;
  Fd fds[maxMessageFds];
  Fd part(monitorPart);
  if (::fcntl(part.get(), F_SETFD, FD_CLOEXEC) < 0) dieUsage();
  uint32_t count = takeMonitorFds(fds);
  Failure f = runPart(w, part.get(), fds, count);
  if (!f) return 0;
  // Nobody is left who could print it: the runtime has become this process.
  dprintf(2, "tsrunc: the monitor of the container failed: %s: %s%s%s\n", f.call, strerror(f.err),
          w.detail[0] == 0 ? "" : ": ", w.detail);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 2 && strcmp(argv[0], "tsrunc-init") == 0) return converse(argv[1]);
  if (argc == 1 && strcmp(argv[0], "tsrunc-monitor") == 0) return monitor();
  dieUsage();
}
