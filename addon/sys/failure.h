// How every function of the native side tells its outcome.
#pragma once
#include <errno.h>

// err is an errno, 0 for success; call names what failed ("mount_setattr") and must be a literal: it outlives everyone.
struct [[nodiscard]] Failure {
  int err = 0;
  const char* call = "";
  explicit constexpr operator bool() const { return err != 0; }
};

inline constexpr Failure success{};

// For system calls that answer -1 and errno.
inline Failure check(long result, const char* call) { return result < 0 ? Failure{errno, call} : success; }
