// tour [--memory MIB] [--cpu PERCENT]: print what this process can see and use. With the limits of its container as
// arguments it tries to exceed them, in children. Exit status 1 when something that should hold does not.
#include <ctype.h>
#include <dirent.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int broken = 0;

static void show(const char* what, const char* format, ...) {
  va_list args;
  va_start(args, format);
  printf("  %-13s ", what);
  vprintf(format, args);
  putchar('\n');
  fflush(stdout);
  va_end(args);
}

static void expect(int holds, const char* otherwise) {
  if (holds) return;
  printf("  %-13s %s\n", "BROKEN", otherwise);
  broken = 1;
}

static void tourHostname(void) {
  char name[65] = "";
  gethostname(name, sizeof name - 1);
  show("hostname", "%s", name);
}

static int visibleProcesses(void) {
  int count = 0;
  DIR* proc = opendir("/proc");
  if (proc == NULL) return -1;
  for (struct dirent* entry; (entry = readdir(proc)) != NULL;) count += isdigit((unsigned char)entry->d_name[0]) != 0;
  closedir(proc);
  return count;
}

static void tourProcesses(void) {
  int visible = visibleProcesses();
  show("processes", "I am pid %d; %d process%s to be seen", (int)getpid(), visible, visible == 1 ? "" : "es");
  expect(getpid() == 1 && visible == 1, "the pid namespace is not mine alone");
}

static void tourMounts(void) {
  FILE* mounts = fopen("/proc/self/mountinfo", "r");
  if (mounts == NULL) return expect(0, "/proc is not mounted");
  int count = 0;
  for (int c; (c = getc(mounts)) != EOF;) count += c == '\n';
  fclose(mounts);
  struct statvfs root;
  int readonly = statvfs("/", &root) == 0 && (root.f_flag & ST_RDONLY) != 0;
  show("mounts", "%d, all of them my own; / is %s", count, readonly ? "read-only" : "writable");
}

static void tourNetwork(void) {
  char names[256] = "";
  int others = 0;
  int fd = socket(AF_INET, SOCK_DGRAM, 0);
  struct if_nameindex* all = if_nameindex();
  for (struct if_nameindex* i = all; i != NULL && i->if_index != 0; i++) {
    // Some kernels give every new namespace its idle tunnel devices (sit0, tunl0): only what is up counts.
    struct ifreq request = {0};
    strncpy(request.ifr_name, i->if_name, sizeof request.ifr_name - 1);
    if (ioctl(fd, SIOCGIFFLAGS, &request) != 0 || (request.ifr_flags & IFF_UP) == 0) continue;
    others += strcmp(i->if_name, "lo") != 0;
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", i->if_name);
  }
  if (all != NULL) if_freenameindex(all);
  close(fd);
  show("network", "%s%s", names, others == 0 ? "and nothing else" : "");
  expect(strcmp(names, "lo ") == 0, "the network namespace should have lo, up, and no other interface");
}

static void tourUsers(void) {
  unsigned inside = 0, outside = 0, size = 0;
  FILE* map = fopen("/proc/self/uid_map", "r");
  if (map == NULL || fscanf(map, "%u %u %u", &inside, &outside, &size) != 3) return expect(0, "no uid_map");
  fclose(map);
  if (size == UINT32_MAX) return show("users", "uid %u, the same as outside", getuid());
  show("users", "uid %u here is uid %u outside; %u user%s known", getuid(), outside + getuid() - inside, size,
       size == 1 ? " is" : "s are");
}

static const char* const capabilityNames[] = {
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "linux_immutable",
    "net_bind_service",
    "net_broadcast",
    "net_admin",
    "net_raw",
    "ipc_lock",
    "ipc_owner",
    "sys_module",
    "sys_rawio",
    "sys_chroot",
    "sys_ptrace",
    "sys_pacct",
    "sys_admin",
    "sys_boot",
    "sys_nice",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "mknod",
    "lease",
    "audit_write",
    "audit_control",
    "setfcap",
    "mac_override",
    "mac_admin",
    "syslog",
    "wake_alarm",
    "block_suspend",
    "audit_read",
    "perfmon",
    "bpf",
    "checkpoint_restore",
};

static void tourCapabilities(void) {
  unsigned long long set = ~0ULL;
  char line[256];
  FILE* status = fopen("/proc/self/status", "r");
  if (status == NULL) return expect(0, "no /proc/self/status");
  while (fgets(line, sizeof line, status) != NULL)
    if (sscanf(line, "CapEff: %llx", &set) == 1) break;
  fclose(status);
  char names[1024] = "";
  const size_t known = sizeof capabilityNames / sizeof *capabilityNames;
  for (size_t i = 0; i < known; i++)
    if (set >> i & 1) snprintf(names + strlen(names), sizeof names - strlen(names), "%s ", capabilityNames[i]);
  show("capabilities", "%s(of %zu)", names, known);
  expect(sethostname("stolen", 6) != 0, "I could change the hostname without cap_sys_admin");
}

// A child takes memory MiB by MiB, up to twice the limit, and counts aloud.
static void tourMemory(long limit) {
  if (limit <= 0) return show("memory", "no limit was asked for");
  const size_t mib = 1 << 20;
  volatile long* taken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t child = fork();
  if (child == 0) {
    char* memory = mmap(NULL, 2 * limit * mib, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (; *taken < 2 * limit; ++*taken) memset(memory + *taken * mib, 1, mib);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  int killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  show("memory", "limit %ld MiB: a child that wanted %ld was %s at %ld", limit, 2 * limit, killed ? "killed" : "done",
       *taken);
  expect(killed && *taken <= limit, "the memory limit does not hold");
}

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void tourCpu(long limit) {
  if (limit <= 0) return show("cpu", "no limit was asked for");
  const double began = seconds(CLOCK_MONOTONIC), used = seconds(CLOCK_PROCESS_CPUTIME_ID);
  while (seconds(CLOCK_MONOTONIC) - began < 1.0) {
  }
  const double wall = seconds(CLOCK_MONOTONIC) - began;
  const double share = 100 * (seconds(CLOCK_PROCESS_CPUTIME_ID) - used) / wall;
  show("cpu", "limit %ld %%: busy for %.1f s, I got %.0f %% of one core", limit, wall, share);
  // One period's quota more than its share, when the second begins and ends inside a period.
  expect(share <= (double)limit * 1.25, "the cpu limit does not hold");
}

static long option(int argc, char** argv, const char* name) {
  for (int i = 1; i + 1 < argc; i++)
    if (strcmp(argv[i], name) == 0) return strtol(argv[i + 1], NULL, 10);
  return 0;
}

int main(int argc, char** argv) {
  puts("\nInside the container:");
  tourHostname();
  tourProcesses();
  tourMounts();
  tourNetwork();
  tourUsers();
  tourCapabilities();
  tourMemory(option(argc, argv, "--memory"));
  tourCpu(option(argc, argv, "--cpu"));
  putchar('\n');
  return broken;
}
