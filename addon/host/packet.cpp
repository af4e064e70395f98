#include "packet.h"

#include <sys/socket.h>

#include <array>
#include <cstring>

namespace host {
namespace {

Fd receivedFd(msghdr& message) {
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(sizeof(int))) return Fd();
  int fd = -1;
  std::memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return Fd(fd);
}

}  // namespace

Outcome<Packet> takePacket(int socket, std::span<uint8_t> room) {
  iovec data{room.data(), room.size()};
  // For one descriptor: the kernel closes what there is no room for, and says so.
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  constexpr int flags = MSG_CMSG_CLOEXEC | MSG_DONTWAIT;
  ssize_t size = ::recvmsg(socket, &message, flags);
  // It died with something of ours unread. That is told once and before what it has sent, which may say why it died.
  const bool unread = size < 0 && errno == ECONNRESET;
  if (unread) size = ::recvmsg(socket, &message, flags);
  if (size < 0) return failed("recvmsg");
  const bool whole = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) == 0;
  return Packet{static_cast<size_t>(size), whole, receivedFd(message), unread};
}

}  // namespace host
