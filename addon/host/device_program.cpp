#include "device_program.h"

#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace host {

namespace {

long bpf(int command, bpf_attr& attr) { return ::syscall(SYS_bpf, command, &attr, sizeof attr); }

Outcome<Fd> load(std::span<const uint8_t> instructions) {
  bpf_attr attr{};
  attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attr.insns = reinterpret_cast<uint64_t>(instructions.data());
  attr.insn_cnt = static_cast<uint32_t>(instructions.size() / sizeof(bpf_insn));
  attr.license = reinterpret_cast<uint64_t>("Apache-2.0");
  return owned(bpf(BPF_PROG_LOAD, attr), "bpf(BPF_PROG_LOAD)");
}

}  // namespace

Failure attachDeviceProgram(int cgroup, std::span<const uint8_t> instructions) {
  const Outcome<Fd> program = load(instructions);
  if (program.failure) return program.failure;
  bpf_attr attr{};
  attr.target_fd = static_cast<uint32_t>(cgroup);
  attr.attach_bpf_fd = static_cast<uint32_t>(program.value.get());
  attr.attach_type = BPF_CGROUP_DEVICE;
  // Programs of the levels above, and one that systemd may add, stay in force: all of them must agree.
  attr.attach_flags = BPF_F_ALLOW_MULTI;
  return check(bpf(BPF_PROG_ATTACH, attr), "bpf(BPF_PROG_ATTACH)");
}

}  // namespace host
