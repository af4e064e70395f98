// What a function of the parent side returns: a value, or the system call that failed.
#pragma once

#include <utility>

#include "../sys/fd.h"

namespace host {

template <class T>
struct [[nodiscard]] Outcome {
  T value{};
  Failure failure{};

  Outcome(T v) : value(std::move(v)) {}
  Outcome(Failure f) : failure(f) {}
};

// The failure that errno describes; to be made right after the call.
inline Failure failed(const char* call) { return Failure{errno, call}; }

// A new descriptor, as system calls answer it.
inline Outcome<Fd> owned(long result, const char* call) {
  if (result < 0) return failed(call);
  return Fd(static_cast<int>(result));
}

}  // namespace host
