// floor ROOTFS PROGRAM NAME: what the kernel alone needs for the benchmark's container. The system calls that
// bundles/hello/config.json asks for, once each, in one static program: no parsing, no checks, no state on disk. A
// runtime can come close to this and not below.
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

static void check(int good, const char* what) {
  if (good) return;
  fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
  exit(1);
}

// --- cgroups: one directory per v1 hierarchy, or one in v2
// -------------------------------------------------------------

enum { maxCgroups = 16 };
static char cgroups[maxCgroups][512];
static int cgroupCount = 0;
static int unified = 0;

static void findCgroups(const char* name) {
  char line[1024], mountpoint[256], type[32];
  FILE* mounts = fopen("/proc/self/mounts", "r");
  check(mounts != NULL, "/proc/self/mounts");
  while (cgroupCount < maxCgroups && fgets(line, sizeof line, mounts) != NULL) {
    if (sscanf(line, "%*s %255s %31s", mountpoint, type) != 2) continue;
    if (strcmp(type, "cgroup2") == 0 && strcmp(mountpoint, "/sys/fs/cgroup") == 0) unified = 1;
    if (strcmp(type, "cgroup") == 0 || unified)
      snprintf(cgroups[cgroupCount++], sizeof cgroups[0], "%s/%s", mountpoint, name);
    if (unified) break;
  }
  fclose(mounts);
}

static void copyFile(const char* directory, const char* file) {
  char from[600], to[600], value[256];
  const char* slash = strrchr(directory, '/');
  snprintf(from, sizeof from, "%.*s/%s", (int)(slash - directory), directory, file);
  snprintf(to, sizeof to, "%s/%s", directory, file);
  int source = open(from, O_RDONLY | O_CLOEXEC);
  if (source < 0) return;  // not the cpuset hierarchy
  ssize_t size = read(source, value, sizeof value);
  close(source);
  int target = open(to, O_WRONLY | O_CLOEXEC);
  check(target >= 0 && write(target, value, (size_t)size) == size, to);
  close(target);
}

static void makeCgroups(void) {
  for (int i = 0; i < cgroupCount; i++) {
    check(mkdir(cgroups[i], 0755) == 0, cgroups[i]);
    if (unified) continue;
    copyFile(cgroups[i], "cpuset.cpus");
    copyFile(cgroups[i], "cpuset.mems");
  }
}

// By the thread itself and in `tasks`: moving another process waits for an RCU grace period.
static void joinCgroups(void) {
  for (int i = 0; i < cgroupCount && !unified; i++) {
    char path[sizeof cgroups[0] + sizeof "/tasks"];
    snprintf(path, sizeof path, "%.511s/tasks", cgroups[i]);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    check(fd >= 0 && write(fd, "0", 1) == 1, path);
    close(fd);
  }
}

// --- the root file system, relative to the new root as working directory
// -------------------------------------------------

static void mountAll(void) {
  const unsigned long quiet = MS_NOSUID | MS_NOEXEC | MS_NODEV;
  check(mount("proc", "proc", "proc", 0, NULL) == 0, "proc");
  check(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k") == 0, "dev");
  mkdir("dev/pts", 0755);
  mkdir("dev/shm", 0755);
  mkdir("dev/mqueue", 0755);
  check(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620,gid=5") == 0,
        "devpts");
  check(mount("shm", "dev/shm", "tmpfs", quiet, "mode=1777,size=65536k") == 0, "shm");
  check(mount("mqueue", "dev/mqueue", "mqueue", quiet, NULL) == 0, "mqueue");
  check(mount("sysfs", "sys", "sysfs", quiet | MS_RDONLY, NULL) == 0, "sysfs");
}

static void makeDevices(void) {
  static const struct {
    const char* path;
    unsigned major, minor;
  } nodes[] = {{"dev/null", 1, 3}, {"dev/zero", 1, 5},   {"dev/full", 1, 7},
               {"dev/tty", 5, 0},  {"dev/random", 1, 8}, {"dev/urandom", 1, 9}};
  static const char* const links[][2] = {{"/proc/self/fd", "dev/fd"},       {"/proc/self/fd/0", "dev/stdin"},
                                         {"/proc/self/fd/1", "dev/stdout"}, {"/proc/self/fd/2", "dev/stderr"},
                                         {"pts/ptmx", "dev/ptmx"},          {"/proc/kcore", "dev/core"}};
  umask(0);
  for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++)
    check(mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor)) == 0, nodes[i].path);
  for (size_t i = 0; i < sizeof links / sizeof *links; i++) check(symlink(links[i][0], links[i][1]) == 0, links[i][1]);
}

// After pivot_root: the paths are the container's own.
static void hidePaths(void) {
  static const char* const masked[] = {
      "/proc/acpi",       "/proc/asound",      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi"};
  static const char* const readonly[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  for (size_t i = 0; i < sizeof masked / sizeof *masked; i++) {
    if (mount("/dev/null", masked[i], NULL, MS_BIND, NULL) == 0 || errno == ENOENT) continue;
    check(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL) == 0, masked[i]);
  }
  for (size_t i = 0; i < sizeof readonly / sizeof *readonly; i++) {
    if (mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL) != 0 && errno == ENOENT) continue;
    check(mount(NULL, readonly[i], NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0, readonly[i]);
  }
}

static void changeRoot(const char* rootfs) {
  check(mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) == 0, "propagation");
  check(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL) == 0, rootfs);
  check(chdir(rootfs) == 0, "chdir");
  mountAll();
  makeDevices();
  check(syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
  check(umount2(".", MNT_DETACH) == 0, "umount2");
  check(chdir("/") == 0, "chdir");
  hidePaths();
  check(mount(NULL, "/", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) == 0, "read-only root");
}

// --- the process
// -------------------------------------------------------------------------------------------------------

static void bringLoopbackUp(void) {
  struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP};
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  check(ioctl(fd, SIOCSIFFLAGS, &request) == 0, "lo");
  close(fd);
}

static void dropPrivileges(void) {
  const uint32_t kept = 1U << CAP_AUDIT_WRITE | 1U << CAP_KILL | 1U << CAP_NET_BIND_SERVICE;
  const struct rlimit files = {1024, 1024};
  check(setrlimit(RLIMIT_NOFILE, &files) == 0, "setrlimit");
  for (unsigned long i = 0; prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
    if (i > 31 || (kept >> i & 1) == 0) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2] = {{kept, kept, 0}, {0, 0, 0}};
  check(syscall(SYS_capset, &header, sets) == 0, "capset");
  check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no_new_privs");
}

static void becomeContainer(char** argv) {
  joinCgroups();
  setsid();
  bringLoopbackUp();
  changeRoot(argv[1]);
  check(sethostname("hello", 5) == 0, "sethostname");
  dropPrivileges();
  execl(argv[2], argv[2], (char*)NULL);
  check(0, argv[2]);
}

int main(int argc, char** argv) {
  if (argc != 4) {
    fputs("usage: floor ROOTFS PROGRAM NAME\n", stderr);
    return 2;
  }
  findCgroups(argv[3]);
  makeCgroups();
  struct clone_args clone = {
      .flags =
          CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS | (unified ? CLONE_INTO_CGROUP : 0),
      .exit_signal = SIGCHLD,
  };
  if (unified) clone.cgroup = (uint64_t)open(cgroups[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  pid_t child = (pid_t)syscall(SYS_clone3, &clone, sizeof clone);
  check(child >= 0, "clone3");
  if (child == 0) becomeContainer(argv);
  int status = 0;
  check(waitpid(child, &status, 0) == child, "waitpid");
  for (int i = 0; i < cgroupCount; i++) check(rmdir(cgroups[i]) == 0, cgroups[i]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
