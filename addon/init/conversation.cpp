#include "conversation.h"

#include <sys/socket.h>

namespace {

constexpr uint32_t typePart = 1;
constexpr uint32_t typeGo = 2;

struct Request {
  uint32_t type;
  uint32_t fdCount;
};

struct Message {
  uint32_t type = 0;
  uint32_t value = 0;
  int32_t err = 0;
  char call[32] = "";
  char detail[468] = "";
};
static_assert(sizeof(Message) == 512);

template <size_t size>
void copyText(char (&to)[size], const char* from) {
  size_t length = strnlen(from, size - 1);
  memcpy(to, from, length);
  to[length] = 0;
}

Failure sendMessage(int socket, const Message& message, int fd) {
  iovec data{const_cast<Message*>(&message), sizeof message};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  if (fd >= 0) {
    header.msg_control = control;
    header.msg_controllen = sizeof control;
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(rights), &fd, sizeof fd);
  }
  return check(::sendmsg(socket, &header, MSG_NOSIGNAL), "sendmsg");
}

// Takes ownership of every descriptor first, so that none is lost where the message turns out to be wrong.
void takeRights(msghdr& header, ReceivedPart& out) {
  for (cmsghdr* c = CMSG_FIRSTHDR(&header); c != nullptr; c = CMSG_NXTHDR(&header, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count && out.fdCount < maxMessageFds; ++i) {
      int fd = -1;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof fd);
      out.fds[out.fdCount++].reset(fd);
    }
  }
}

// received: false at the end of the conversation. A reset is an end too: the other side died with bytes unread.
Failure receiveRequest(int socket, uint32_t expectedType, ReceivedPart& rights, bool& received) {
  Request request{};
  iovec data{&request, sizeof request};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * maxMessageFds)];
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = ::recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  received = size > 0;
  if (size < 0 && errno != ECONNRESET) return {errno, "recvmsg"};
  if (!received) return success;
  takeRights(header, rights);
  bool whole = size == sizeof request && (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  if (!whole || request.type != expectedType || request.fdCount != rights.fdCount) return {EBADMSG, "recvmsg"};
  return success;
}

}  // namespace

Failure receivePart(const World& w, ReceivedPart& out, bool& received) {
  if (auto f = receiveRequest(w.conversation.get(), typePart, out, received)) return f;
  return received && out.fdCount == 0 ? Failure{EBADMSG, "recvmsg"} : success;
}

Failure tell(const World& w, MessageType type, uint32_t value, int fd) {
  return sendMessage(w.conversation.get(), {.type = static_cast<uint32_t>(type), .value = value}, fd);
}

void reportFailure(const World& w, Failure failure) {
  Message message{.type = static_cast<uint32_t>(MessageType::failed), .value = w.step, .err = failure.err};
  copyText(message.call, failure.call);
  copyText(message.detail, w.detail);
  int listener = w.startConnection.valid() ? w.startConnection.get() : w.conversation.get();
  if (sendMessage(listener, message, -1)) return;
}

Failure waitForGo(int socket, bool& received) {
  ReceivedPart none;
  if (auto f = receiveRequest(socket, typeGo, none, received)) return f;
  return none.fdCount == 0 ? success : Failure{EBADMSG, "recvmsg"};
}
