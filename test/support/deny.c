/*
 * Runs a program on a kernel that lacks some system calls, or refuses them:
 *
 *   deny CALL[:INDEX:BITS]=ERRNO ... -- PROGRAM [ARG...]      (ERRNO is a number; 38 is ENOSYS)
 *
 * by a filter that all its descendants inherit. With BITS only where the argument of this index has one of them.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The headers of older distributions do not have it. */
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

static const struct {
  const char* name;
  unsigned number;
} calls[] = {
    {"clone3", SYS_clone3},
    {"close_range", SYS_close_range},
    {"execveat", SYS_execveat},
    {"faccessat2", SYS_faccessat2},
    {"fsmount", SYS_fsmount},
    {"fsopen", SYS_fsopen},
    {"memfd_create", SYS_memfd_create},
    {"mount_setattr", SYS_mount_setattr},
    {"move_mount", SYS_move_mount},
    {"open_tree", SYS_open_tree},
    {"openat2", SYS_openat2},
    {"pidfd_open", SYS_pidfd_open},
    {"pidfd_send_signal", SYS_pidfd_send_signal},
    {"pivot_root", SYS_pivot_root},
    {"seccomp", SYS_seccomp},
    {"setns", SYS_setns},
    {"unshare", SYS_unshare},
};

static unsigned number_of(const char* name, size_t length) {
  for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
    if (strlen(calls[i].name) == length && strncmp(calls[i].name, name, length) == 0) return calls[i].number;
  fprintf(stderr, "deny: unknown call %s\n", name);
  exit(2);
}

enum { MOST_RULES = 32, LONGEST_RULE = 5 };

static const struct sock_filter load_number = BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));

/* Writes the rule of a word; returns its length. */
static unsigned short rule_of(const char* word, struct sock_filter* code) {
  const size_t length = strcspn(word, ":=");
  const unsigned number = number_of(word, length);
  char* at = (char*)word + length;
  unsigned short size = 0;
  code[size++] = load_number;
  if (*at == ':') {
    /* The low half: flags have no other. */
    const size_t argument = offsetof(struct seccomp_data, args) + 8 * strtoul(at + 1, &at, 0);
    const unsigned bits = *at == ':' ? (unsigned)strtoul(at + 1, &at, 0) : 0;
    code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3);
    code[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (unsigned)argument);
    code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
  } else {
    code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
  }
  if (*at != '=') {
    fprintf(stderr, "deny: no errno in %s\n", word);
    exit(2);
  }
  const unsigned answer = SECCOMP_RET_ERRNO | (unsigned)strtoul(at + 1, NULL, 10);
  code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, answer);
  return size;
}

int main(int argc, char** argv) {
  struct sock_filter code[MOST_RULES * LONGEST_RULE + 1];
  unsigned short size = 0;
  int i = 1;
  for (; i < argc && strcmp(argv[i], "--") != 0 && i <= MOST_RULES; i++) size += rule_of(argv[i], code + size);
  code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  const struct sock_fprog program = {size, code};
  if (i + 1 >= argc) return 2;
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    perror("deny: prctl");
    return 2;
  }
  execvp(argv[i + 1], argv + i + 1);
  perror("deny: execvp");
  return 2;
}
