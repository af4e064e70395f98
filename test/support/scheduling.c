// Prints how the kernel schedules it, after sched_getattr(2): "policy=0 flags=0x0 nice=0 clamp=0-1024".
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

struct attributes {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
  uint32_t util_min, util_max;
};

int main(void) {
  struct attributes a = {0};
  if (syscall(SYS_sched_getattr, 0, &a, sizeof a, 0) < 0) {
    perror("sched_getattr");
    return 1;
  }
  printf("policy=%u flags=0x%llx nice=%d clamp=%u-%u\n", a.policy, (unsigned long long)a.flags, a.nice, a.util_min,
         a.util_max);
  return 0;
}
