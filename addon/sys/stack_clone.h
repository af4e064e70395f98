// A child that begins on a stack of its own. The C libraries do not do it: glibc has no clone3, and newer versions of
// musl make no threads by clone.
#pragma once
#include <sys/syscall.h>

namespace sys {

// clone3(2) with a stack of its own: the child must not return into the parent's frames, which the parent still uses.
// Registers survive the call in the child, so body and context wait in two that the kernel leaves alone. The child ends
// with SYS_exit: a thread alone, a process altogether. Answers -errno on failure.
inline long cloneOnStack(const void* args, unsigned long size, int (*body)(void*), void* context) {
#if defined(__x86_64__)
  register auto fn asm("r8") = body;
  register auto arg asm("r9") = context;
  long result = 0;
  asm volatile(
      "syscall\n\t"
      "test %%rax, %%rax\n\t"
      "jnz 1f\n\t"
      "xor %%ebp, %%ebp\n\t"
      "mov %%r9, %%rdi\n\t"
      "call *%%r8\n\t"
      "mov %%eax, %%edi\n\t"
      "mov %[exit], %%eax\n\t"
      "syscall\n\t"
      "hlt\n"
      "1:"
      : "=a"(result)
      : "a"(SYS_clone3), "D"(args), "S"(size), "r"(fn), "r"(arg), [exit] "i"(SYS_exit)
      : "rcx", "r11", "memory", "cc");
  return result;
#elif defined(__aarch64__)
  register long x8 asm("x8") = SYS_clone3;
  register long x0 asm("x0") = reinterpret_cast<long>(args);
  register long x1 asm("x1") = static_cast<long>(size);
  register auto fn asm("x10") = body;
  register auto arg asm("x11") = context;
  asm volatile(
      "svc #0\n\t"
      "cbnz x0, 1f\n\t"
      "mov x29, #0\n\t"
      "mov x0, x11\n\t"
      "blr x10\n\t"
      "mov x8, %[exit]\n\t"
      "svc #0\n\t"
      "brk #1\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(fn), "r"(arg), [exit] "i"(SYS_exit)
      : "memory", "cc");
  return x0;
#else
#error "clone3 with a stack of its own is written for x86_64 and aarch64"
#endif
}

}  // namespace sys
