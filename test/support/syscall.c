/*
 * Makes system calls and tells what comes of them, one word each:
 *
 *   syscall [-32 | -i] CALL[:ARG...] ...     (CALL is a number or one of the names below, ARG a number)
 *
 * prints "ok" or the number of the errno per call. -32 makes them through the 32-bit entry of x86 (int 0x80), where
 * only numbers name calls. -i lets SIGUSR1 interrupt them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct {
  const char* name;
  long number;
} names[] = {
    {"getpid", SYS_getpid},
    {"getppid", SYS_getppid},
    {"getuid", SYS_getuid},
    {"getgid", SYS_getgid},
    {"personality", SYS_personality},
    {"unshare", SYS_unshare},
    {"clone3", SYS_clone3},
    {"dup3", SYS_dup3},
    {"keyctl", SYS_keyctl},
    {"bpf", SYS_bpf},
    {"mount", SYS_mount},
    {"ptrace", SYS_ptrace},
    {"socket", SYS_socket},
    {"kcmp", SYS_kcmp},
    {"umask", SYS_umask},
    {"sync", SYS_sync},
    {"lseek", SYS_lseek},
    {"mkdirat", SYS_mkdirat},
    {"reboot", SYS_reboot},
    {"syslog", SYS_syslog},
    {"setresuid", SYS_setresuid},
    {"clone", SYS_clone},
    {"setns", SYS_setns},
    {"pivot_root", SYS_pivot_root},
    {"swapon", SYS_swapon},
    {"request_key", SYS_request_key},
    {"open_by_handle_at", SYS_open_by_handle_at},
};

static unsigned long long number_of(const char* text, char** end) {
  size_t length = strcspn(text, ":");
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    if (strlen(names[i].name) != length || strncmp(names[i].name, text, length) != 0) continue;
    *end = (char*)text + length;
    return (unsigned long long)names[i].number;
  }
  return strtoull(text, end, 0);
}

static long call32(const unsigned long long* a) {
#ifdef __x86_64__
  long result;
  __asm__ volatile("int $0x80"
                   : "=a"(result)
                   : "a"(a[0]), "b"(a[1]), "c"(a[2]), "d"(a[3])
                   : "memory", "r8", "r9", "r10", "r11");
  if (result < 0 && result > -4096) {
    errno = (int)-result;
    return -1;
  }
  return result;
#else
  (void)a;
  errno = ENOTSUP;
  return -1;
#endif
}

static void ignore(int number) { (void)number; }

int main(int argc, char** argv) {
  int is32 = argc > 1 && strcmp(argv[1], "-32") == 0;
  int interruptible = argc > 1 && strcmp(argv[1], "-i") == 0;
  int first = 1 + is32 + interruptible;
  /* Without SA_RESTART. */
  struct sigaction action = {.sa_handler = ignore};
  if (interruptible && sigaction(SIGUSR1, &action, NULL) != 0) return 1;
  for (int i = first; i < argc; i++) {
    unsigned long long a[7] = {0};
    char* at = argv[i];
    for (int n = 0; n < 7; n++) {
      a[n] = n == 0 ? number_of(at, &at) : strtoull(at, &at, 0);
      if (*at != ':') break;
      at++;
    }
    long result = is32 ? call32(a) : syscall((long)a[0], a[1], a[2], a[3], a[4], a[5], a[6]);
    if (result >= 0)
      printf("%sok", i > first ? " " : "");
    else
      printf("%s%d", i > first ? " " : "", errno);
  }
  printf("\n");
  return 0;
}
