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

// Whoever gave the word may have gone since; the container goes on without him.
template <typename Call>
Failure take(const char* name, Call call) {
  ssize_t size = 0;
  do {
    size = call();
  } while (size < 0 && errno == EINTR);
  return size < 0 && errno != ECONNRESET ? Failure{errno, name} : success;
}

}  // namespace

Failure run(World& w, const op::Ready&) { return tell(w, MessageType::ready, 0); }

// The filter of the container is in force already, and hooks run also where it denies read(2): one of the calls that
// can take the word is enough. Where all are denied the first tells why.
Failure run(World& w, const op::TakeGo&) {
  int socket = w.startConnection.valid() ? w.startConnection.get() : w.conversation.get();
  char word[8];
  iovec data{word, sizeof word};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  Failure denied = take("read", [&] { return ::read(socket, word, sizeof word); });
  if (!denied) return success;
  if (!take("recvfrom", [&] { return ::recv(socket, word, sizeof word, 0); })) return success;
  if (!take("recvmsg", [&] { return ::recvmsg(socket, &header, 0); })) return success;
  return denied;
}

Failure run(World& w, const op::AwaitStart& o) {
  if (o.listener >= 0) return awaitClient(w, o.listener);
  bool go = false;
  if (auto f = waitForGo(w.conversation.get(), go)) return f;
  // The runtime died, or took the container back.
  if (!go) _exit(1);
  return success;
}
