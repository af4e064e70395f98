// The monitor between the user's terminal (fds 0 and 1) and the container's (the master of a pty).
#pragma once
#include <poll.h>
#include <stddef.h>
#include <termios.h>

#include "../sys/failure.h"

// Raw mode of fd 0 while the container owns the keyboard; restored when this goes out of scope, whatever the reason.
class RawMode {
 public:
  RawMode() = default;
  ~RawMode();
  RawMode(const RawMode&) = delete;
  RawMode& operator=(const RawMode&) = delete;
  // Does nothing where fd 0 is no terminal, or where we are in the background: then it is somebody else's keyboard.
  void enter();

 private:
  termios before_{};
  bool entered_ = false;
};

// One direction: at most one buffer is under way, so that a slow reader slows down the writer and nobody else.
class Channel {
 public:
  [[nodiscard]] bool pending() const { return start_ < end_; }
  [[nodiscard]] size_t size() const { return end_ - start_; }
  // Both answer as read(2) and write(2).
  long fill(int from);
  long flush(int to);
  void discard() { start_ = end_ = 0; }

 private:
  // A pipe that poll reports writable takes this much without blocking (PIPE_BUF, pipe(7)).
  char bytes_[4096];
  size_t start_ = 0;
  size_t end_ = 0;
};

class Relay {
 public:
  static constexpr size_t pollCount = 3;

  explicit Relay(int master) : master_(master) {}
  Failure begin();
  // Fills in what to wait for, and for how long at most (milliseconds, -1 for ever).
  int prepare(pollfd (&watched)[pollCount]) const;
  void handle(const pollfd (&watched)[pollCount]);
  // The window of fd 0 changed.
  void resize() const;
  // We were stopped, or in the background, and go on.
  void resume();
  // The process has ended: passes on what it wrote last. Ends early when `interrupted` becomes readable.
  void finish(int interrupted);

 private:
  void readInput();
  void readMaster();
  void writeMaster();
  void writeOutput();

  int master_;
  RawMode raw_;
  Channel input_;
  Channel output_;
  bool inputOpen_ = true;
  bool inputPaused_ = false;
  bool outputBroken_ = false;
  bool hungUp_ = false;
};
