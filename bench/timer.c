// timer COUNT COMMAND [ARG...] [";" COMMAND [ARG...]]...
//
// Run the commands one after the other, COUNT times, and print for each round "NANOSECONDS KIB": the wall time and the
// largest resident set of the commands. A small static program that vforks: neither its size nor its page tables enter
// the measure. It is a subreaper, as a container engine is: what a command leaves running (the container) is waited for
// before the next command, once it has been started.
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static long long now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void fail(const char* what, int error) {
  fprintf(stderr, "timer: %s: %s\n", what, strerror(error));
  exit(1);
}

// Runs one command and returns its peak memory in KiB. Its stdout goes to /dev/null.
static long runOne(char** argv) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid;
  int error = posix_spawnp(&pid, argv[0], &files, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) fail(argv[0], error);
  int status = 0;
  struct rusage used;
  if (wait4(pid, &status, 0, &used) < 0) fail("wait4", errno);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    fprintf(stderr, "timer: %s %s failed (wait status %#x)\n", argv[0], argv[1] == NULL ? "" : argv[1], status);
    exit(1);
  }
  return used.ru_maxrss;
}

static int isStart(char** argv) {
  for (; *argv != NULL; argv++)
    if (strcmp(*argv, "start") == 0) return 1;
  return 0;
}

// A container that was started is our child by now, and ends by itself.
static void waitForOrphans(void) {
  while (wait(NULL) > 0) {
  }
  if (errno != ECHILD) fail("wait", errno);
}

static long runRound(char** commands) {
  long peak = 0;
  for (char** argv = commands; argv != NULL;) {
    char** end = argv;
    while (*end != NULL && strcmp(*end, ";") != 0) end++;
    char* separator = *end;
    *end = NULL;
    long memory = runOne(argv);
    if (isStart(argv)) waitForOrphans();
    *end = separator;
    if (memory > peak) peak = memory;
    argv = separator == NULL ? NULL : end + 1;
  }
  return peak;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fputs("usage: timer COUNT COMMAND [ARG...] [';' COMMAND [ARG...]]...\n", stderr);
    return 2;
  }
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("prctl", errno);
  for (long left = strtol(argv[1], NULL, 10); left > 0; left--) {
    long long began = now();
    long peak = runRound(argv + 2);
    printf("%lld %ld\n", now() - began, peak);
  }
  return 0;
}
