// The messages of docs/wire.md, seen from the helper:
//
//   runtime                                       helper
//   part + memfd + fds ───────────────────────▶  receivePart
//                       ◀── ask, forked, ... ──  tell
//   go ────────────────────────────────────────▶  waitForGo
//   close ─────────────────────────────────────▶  every wait ends the process: nobody is left to report to
#pragma once
#include "world.h"

enum class MessageType : uint32_t { ask = 1, forked = 2, console = 3, notify = 4, ready = 5, failed = 6 };

// Most descriptors that one message carries: the kernel's SCM_MAX_FD.
inline constexpr uint32_t maxMessageFds = 253;

struct ReceivedPart {
  Fd fds[maxMessageFds];  // the first is the memfd
  uint32_t fdCount = 0;
};

// Answers false when the runtime closed the conversation.
Failure receivePart(const World& w, ReceivedPart& out, bool& received);

// Sends one message, with a descriptor where fd is not -1.
Failure tell(const World& w, MessageType type, uint32_t value, int fd = -1);

// Sends `failed` to `start` where it waits, else to the runtime. That nobody hears it any more changes nothing: the
// process ends with a failure in any case.
void reportFailure(const World& w, Failure failure);

// Waits for `go` on a connection; `received` is false when it was closed instead.
Failure waitForGo(int socket, bool& received);
