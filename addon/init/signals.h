// Dispositions and mask, by raw calls: the C library keeps the signals 32 to 34 to itself, and they are inherited too.
#pragma once
#include <stdint.h>

#include "../sys/fd.h"

inline constexpr uint64_t allSignals = ~uint64_t{0};

// Default dispositions, empty mask.
Failure resetSignals();

Failure blockAllSignals();

// A descriptor that yields every signal (signalfd_siginfo); all must be blocked.
Failure openSignals(Fd& out);
