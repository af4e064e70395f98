// Device rules of cgroup v2: a BPF program that the kernel asks about each access.
#pragma once

#include <cstdint>
#include <span>

#include "outcome.h"

namespace host {

// `instructions` is an array of struct bpf_insn; the attached program lives as long as the cgroup.
Failure attachDeviceProgram(int cgroup, std::span<const uint8_t> instructions);

}  // namespace host
