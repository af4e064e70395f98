// The owner of a file descriptor.
#pragma once
#include <unistd.h>

#include "failure.h"

class Fd {
 public:
  constexpr Fd() = default;
  explicit constexpr Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(other.release()) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  [[nodiscard]] int release() {
    int fd = fd_;
    fd_ = -1;
    return fd;
  }
  // Linux closes the descriptor even where close(2) reports an error, so there is nothing to retry and nothing to tell.
  // errno stays as it was: an owner may go out of scope between a failing call and its check.
  void reset(int fd = -1) {
    if (fd_ >= 0) {
      int saved = errno;
      ::close(fd_);
      errno = saved;
    }
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// For system calls that answer a new descriptor.
inline Failure adopt(Fd& out, long result, const char* call) {
  if (result < 0) return {errno, call};
  out.reset(static_cast<int>(result));
  return success;
}
