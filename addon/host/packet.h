// Packets of a SOCK_SEQPACKET socket that may carry a descriptor: what the helper and criu send us.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <span>

#include "outcome.h"

namespace host {

struct Packet {
  size_t size = 0;    // 0: the other side is gone
  bool whole = true;  // nothing was cut off, neither bytes nor descriptors
  Fd fd;
  bool unread = false;  // it is gone and had not received all that was sent to it
};

// The packet that is there, its bytes in `room`; EAGAIN when there is none.
Outcome<Packet> takePacket(int socket, std::span<uint8_t> room);

}  // namespace host
