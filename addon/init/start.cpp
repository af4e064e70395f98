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

// read(2) and nothing rarer: the filter is in force already, and the hooks have needed this call as well. Whoever gave
// the word may have gone since; the container goes on without him.
Failure run(World& w, const op::TakeGo&) {
  int socket = w.startConnection.valid() ? w.startConnection.get() : w.conversation.get();
  char word[8];
  ssize_t size = 0;
  do {
    size = ::read(socket, word, sizeof word);
  } while (size < 0 && errno == EINTR);
  return size < 0 && errno != ECONNRESET ? Failure{errno, "read"} : success;
}

Failure run(World& w, const op::AwaitStart& o) {
  if (o.listener >= 0) return awaitClient(w, o.listener);
  bool go = false;
  if (auto f = waitForGo(w.conversation.get(), go)) return f;
  // The runtime died, or took the container back.
  if (!go) _exit(1);
  return success;
}
