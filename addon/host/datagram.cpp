#include "datagram.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace host {
namespace {

// More than any message of criu's protocol, which is made of short ones.
constexpr size_t largest = 64 * 1024;

Fd receivedFd(msghdr& message) {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int))) return Fd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return Fd(fd);
}

}  // namespace

Outcome<SocketPair> datagramPair() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) return failed("socketpair");
  return SocketPair{Fd(ends[0]), Fd(ends[1])};
}

Failure sendDatagram(int socket, std::span<const uint8_t> bytes) {
  while (::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return failed("send");
  }
  return success;
}

Outcome<Datagram> takeDatagram(int socket) {
  Datagram datagram{std::vector<uint8_t>(largest), Fd()};
  iovec data{datagram.bytes.data(), datagram.bytes.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  constexpr int flags = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;
  ssize_t size = ::recvmsg(socket, &message, flags);
  // It died with something of ours unread. That is told once and before what it has sent.
  if (size < 0 && errno == ECONNRESET) size = ::recvmsg(socket, &message, flags);
  if (size < 0) return failed("recvmsg");
  datagram.fd = receivedFd(message);
  if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return Failure{EMSGSIZE, "recvmsg"};
  datagram.bytes.resize(static_cast<size_t>(size));
  return datagram;
}

}  // namespace host
