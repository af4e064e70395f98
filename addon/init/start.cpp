// Telling that all is prepared, and waiting for the word to go on.
#include <sys/socket.h>

#include "conversation.h"

namespace {

// A client that went away before it said go (a killed `start`) must not start the container nor end it.
Failure awaitClient(World& w, int listener) {
  for (bool go = false; !go;) {
    Fd client;
    Failure f = adopt(client, ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC), "accept4");
    if (f && (f.err == EINTR || f.err == ECONNABORTED)) continue;
    if (f) return f;
    if (auto g = waitForGo(client.get(), go)) return g;
    if (go) w.startConnection = static_cast<Fd&&>(client);
  }
  // A second `start` is refused from now on, instead of waiting in the queue for the end of the first.
  w.closePartFd(listener);
  return success;
}

}  // namespace

Failure run(World& w, const op::Ready&) { return tell(w, MessageType::ready, 0); }

Failure run(World& w, const op::AwaitStart& o) {
  if (o.listener >= 0) return awaitClient(w, o.listener);
  bool go = false;
  if (auto f = waitForGo(w.conversation.get(), go)) return f;
  // The runtime died, or took the container back.
  if (!go) _exit(1);
  return success;
}
