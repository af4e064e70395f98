#include "datagram.h"

#include <sys/socket.h>

#include <utility>

#include "packet.h"

namespace host {
namespace {

// More than any message of criu's protocol, which is made of short ones.
constexpr size_t largest = 64 * 1024;

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
  std::vector<uint8_t> bytes(largest);
  Outcome<Packet> packet = takePacket(socket, bytes);
  if (packet.failure) return packet.failure;
  if (!packet.value.whole) return Failure{EMSGSIZE, "recvmsg"};
  bytes.resize(packet.value.size);
  return Datagram{std::move(bytes), std::move(packet.value.fd)};
}

}  // namespace host
