// Datagrams of any content between us and a program that we start (criu).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "outcome.h"

namespace host {

struct SocketPair {
  Fd ours;
  Fd theirs;
};

Outcome<SocketPair> datagramPair();
Failure sendDatagram(int socket, std::span<const uint8_t> bytes);

// One datagram, with the descriptor that came along; no bytes: the other side is gone.
struct Datagram {
  std::vector<uint8_t> bytes;
  Fd fd;
};
Outcome<Datagram> takeDatagram(int socket);

}  // namespace host
