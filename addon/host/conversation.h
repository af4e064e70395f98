// The runtime's side of the conversation with the init helper; docs/wire.md, drawn in src/native/native.ts.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "outcome.h"

namespace host {

enum class MessageKind : uint32_t { closed = 0, ask = 1, forked = 2, console = 3, notify = 4, ready = 5, failed = 6 };

struct Message {
  MessageKind kind = MessageKind::closed;
  uint32_t value = 0;   // question or step
  int pid = -1;         // forked
  Fd fd;                // forked (pidfd), console, notify
  bool unread = false;  // closed: not all that was sent had been received
  int err = 0;
  std::string call;
  std::string detail;
};

Failure sendPart(int socket, std::span<const uint8_t> part, std::span<const int> fds);
Failure sendGo(int socket);

// Waits at most timeoutMs (-1: no end): 1 when reading from fd would not block, 0 when time is up, -1 with errno.
int waitReadable(int fd, int timeoutMs);

// The message that is there; EAGAIN when there is none.
Outcome<Message> takeMessage(int socket);

}  // namespace host
