// Sealed memory files: the program of the init helper, and the parts of a plan.
#pragma once

#include <cstdint>
#include <span>

#include "outcome.h"

namespace host {

// The init helper as a file that nobody can change, one per process. A container that opens /proc/self/exe of the
// helper gets this memory, never a file of the host (CVE-2019-5736), and no write reaches it, whoever asks. The
// descriptor stays the process's own.
Outcome<int> helperImage();

// A copy of bytes that cannot change any more: what the helper checked is what it runs.
Outcome<Fd> sealedCopy(const char* name, std::span<const uint8_t> bytes);

}  // namespace host
