#include "conversation.h"

#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "image.h"
#include "packet.h"
#include "pidfd.h"

namespace host {
namespace {

struct Request {
  uint32_t type;
  uint32_t fdCount;
};
constexpr uint32_t partRequest = 1;
constexpr uint32_t goRequest = 2;

struct Report {
  uint32_t type;
  uint32_t value;
  int32_t err;
  char call[32];
  char detail[468];
};
static_assert(sizeof(Report) == 512);

Failure sendRequest(int socket, Request request, std::span<const int> fds) {
  iovec data{&request, sizeof request};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  std::vector<char> control(fds.empty() ? 0 : CMSG_SPACE(fds.size_bytes()));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(fds.size_bytes());
    std::memcpy(CMSG_DATA(header), fds.data(), fds.size_bytes());
  }
  while (::sendmsg(socket, &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return failed("sendmsg");
  }
  return success;
}

bool carriesFd(MessageKind kind) {
  return kind == MessageKind::forked || kind == MessageKind::console || kind == MessageKind::notify;
}

template <size_t N>
std::string text(const char (&field)[N]) {
  return std::string(field, ::strnlen(field, N));
}

// The helper shares namespaces with the container and may have been taken over: what it says is checked, not believed.
Outcome<Message> parse(const Report& report, Fd fd) {
  const auto kind = static_cast<MessageKind>(report.type);
  if (report.type == 0 || report.type > static_cast<uint32_t>(MessageKind::failed) || carriesFd(kind) != fd.valid()) {
    return Failure{EBADMSG, "recvmsg"};
  }
  Message message{kind, report.value, -1, std::move(fd), false, report.err, text(report.call), text(report.detail)};
  if (kind == MessageKind::forked) {
    Outcome<int> pid = pidOf(message.fd.get());
    if (pid.failure) return pid.failure;
    message.pid = pid.value;
  }
  return message;
}

}  // namespace

Failure sendPart(int socket, std::span<const uint8_t> part, std::span<const int> fds) {
  Outcome<Fd> memory = sealedCopy("tsrunc-part", part);
  if (memory.failure) return memory.failure;
  std::vector<int> all{memory.value.get()};
  all.insert(all.end(), fds.begin(), fds.end());
  return sendRequest(socket, {partRequest, static_cast<uint32_t>(all.size())}, all);
}

Failure sendGo(int socket) { return sendRequest(socket, {goRequest, 0}, {}); }

int waitReadable(int fd, int timeoutMs) {
  pollfd watched{fd, POLLIN, 0};
  const int ready = ::poll(&watched, 1, timeoutMs);
  if (ready > 0 && (watched.revents & POLLNVAL) != 0) {
    errno = EBADF;
    return -1;
  }
  return ready;
}

Outcome<Message> takeMessage(int socket) {
  Report report{};
  Outcome<Packet> packet = takePacket(socket, {reinterpret_cast<uint8_t*>(&report), sizeof report});
  if (packet.failure) return packet.failure;
  if (packet.value.size == 0) {
    Message closed;
    closed.unread = packet.value.unread;
    return closed;
  }
  if (packet.value.size != sizeof report || !packet.value.whole) return Failure{EBADMSG, "recvmsg"};
  return parse(report, std::move(packet.value.fd));
}

}  // namespace host
