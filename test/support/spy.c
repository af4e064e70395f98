// Looks at every other process that it sees, for ever, and prints what the links of those that run from a memfd lead
// to, each finding once: "exe ...", "cwd ...", "root ...", "fd ...". A directory is "own" when it is the "/" of this
// process.
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char findings[512][320];
static int count = 0;

static void tell(const char* finding) {
  for (int i = 0; i < count; i++) {
    if (strcmp(findings[i], finding) == 0) return;
  }
  if (count == 512) return;
  strcpy(findings[count++], finding);
  puts(finding);
  fflush(stdout);
}

static void look(const char* kind, const char* path) {
  char target[256];
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size < 0) return;
  target[size] = '\0';
  struct stat there;
  struct stat root;
  // It may have ended in between.
  if (stat(path, &there) < 0 || stat("/", &root) < 0) return;
  int directory = S_ISDIR(there.st_mode);
  const char* whose = !directory                                                   ? ""
                      : there.st_dev == root.st_dev && there.st_ino == root.st_ino ? " own"
                                                                                   : " foreign";
  char finding[320];
  snprintf(finding, sizeof finding, "%s %s%s", kind, target, whose);
  tell(finding);
}

static void inspect(const char* pid) {
  char path[64];
  char program[256] = "";
  snprintf(path, sizeof path, "/proc/%s/exe", pid);
  if (readlink(path, program, sizeof program - 1) < 0 || strstr(program, "memfd") == NULL) return;
  look("exe", path);
  snprintf(path, sizeof path, "/proc/%s/cwd", pid);
  look("cwd", path);
  snprintf(path, sizeof path, "/proc/%s/root", pid);
  look("root", path);
  snprintf(path, sizeof path, "/proc/%s/fd", pid);
  DIR* fds = opendir(path);
  for (struct dirent* entry = NULL; fds != NULL && (entry = readdir(fds)) != NULL;) {
    char fd[64 + 256];
    snprintf(fd, sizeof fd, "%s/%s", path, entry->d_name);
    look("fd", fd);
  }
  if (fds != NULL) closedir(fds);
}

int main(void) {
  for (;;) {
    DIR* proc = opendir("/proc");
    if (proc == NULL) return 1;
    for (struct dirent* entry = NULL; (entry = readdir(proc)) != NULL;) {
      if (atoi(entry->d_name) > 1) inspect(entry->d_name);
    }
    closedir(proc);
  }
}
