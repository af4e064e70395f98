// Loading the filter of system calls, and handing its listener to the runtime.
//
//   this thread                              courier, a thread that the filter does not cover
//   starts it ─────────────────────────────▶ waits for the number of the listener
//   seccomp(2)
//   stores the number ─────────────────────▶ sends the listener to the runtime
//   waits ◀───────────────────────────────── stores the outcome, ends
//
// From the moment that the filter is loaded any system call of this thread may be denied, or wait for an answer of the
// very agent that has yet to get the listener. So the two talk by memory alone, for the microseconds that it takes.
#include <sched.h>

#include "../sys/stack_clone.h"
#include "conversation.h"

namespace {

constexpr unsigned setModeFilter = 1;
constexpr unsigned newListener = 1U << 3;

struct Program {
  unsigned short length;
  const void* instructions;
};
constexpr uint32_t instructionSize = 8;

// The descriptor of a listener, where there is one; -1 else.
Failure load(const Bytes& filter, unsigned flags, int& listener) {
  uint32_t count = filter.size / instructionSize;
  if (filter.size % instructionSize != 0 || count > UINT16_MAX) return {EINVAL, "seccomp"};
  const Program program{static_cast<unsigned short>(count), filter.data};
  long result = ::syscall(SYS_seccomp, setModeFilter, flags, &program);
  if (result < 0) return {errno, "seccomp"};
  listener = (flags & newListener) != 0 ? static_cast<int>(result) : -1;
  return success;
}

// Written by one thread and read by the other.
class Word {
 public:
  static constexpr int unset = -1000000;
  void set(int value) { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }
  [[nodiscard]] int get() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }

 private:
  int value_ = unset;
};

struct Courier {
  const World* w;
  Word listener;
  Word outcome;
};

int carry(void* context) {
  auto& courier = *static_cast<Courier*>(context);
  while (courier.listener.get() == Word::unset) ::sched_yield();
  int listener = courier.listener.get();
  Failure f = listener < 0 ? success : tell(*courier.w, MessageType::notify, 0, listener);
  courier.outcome.set(f.err);
  return 0;
}

Failure start(Courier& courier) {
  alignas(16) static char stack[16384];
  sys::CloneArgs args;
  args.flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  args.stack = reinterpret_cast<uint64_t>(stack);
  args.stackSize = sizeof stack;
  long tid = sys::cloneOnStack(&args, sizeof args, carry, &courier);
  return tid < 0 ? Failure{static_cast<int>(-tid), "clone3"} : success;
}

Failure loadAndTell(const World& w, const op::LoadSeccomp& o) {
  // Static: the courier may still be leaving when we return.
  static Courier courier;
  courier = {&w, {}, {}};
  if (auto f = start(courier)) return f;
  int listener = -1;
  Failure loaded = load(o.filter, o.flags | newListener, listener);
  courier.listener.set(listener);
  while (courier.outcome.get() == Word::unset) {
  }
  // The listener is closed by execve; closing it here might be up to the agent.
  return loaded ? loaded : Failure{courier.outcome.get(), "sendmsg"};
}

}  // namespace

Failure run(World& w, const op::LoadSeccomp& o) {
  int none = -1;
  return o.notify != 0 ? loadAndTell(w, o) : load(o.filter, o.flags, none);
}
