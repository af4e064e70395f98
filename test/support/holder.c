// A program for a container that holds what needs a flag to be checkpointed:
//   holder lock FILE        a lock on FILE
//   holder socket PATH      a datagram socket, connected to the one at PATH; it sends a number every 50 ms
//   holder serve PATH       the other end of that: prints what comes
//   holder pending FILE     a TCP connection to itself that it never accepts; numbers go to FILE
//   holder memory FILE      a megabyte that stays as it is; numbers go to FILE
//   holder deleted A B      an open file whose name A is gone, but whose name B is not
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int lock(const char* path) {
  const int fd = open(path, O_RDWR | O_CREAT, 0644);
  return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 ? fd : -1;
}

static int connected(const char* path) {
  struct sockaddr_un to = {.sun_family = AF_UNIX};
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  strncpy(to.sun_path, path, sizeof to.sun_path - 1);
  return fd >= 0 && connect(fd, (const struct sockaddr*)&to, sizeof to) == 0 ? fd : -1;
}

static int serve(const char* path) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  char data[64];
  const int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
  strncpy(at.sun_path, path, sizeof at.sun_path - 1);
  if (fd < 0 || bind(fd, (const struct sockaddr*)&at, sizeof at) < 0) return 1;
  for (ssize_t size; (size = read(fd, data, sizeof data)) > 0;) {
    if (write(1, data, (size_t)size) < 0) return 2;
  }
  return 1;
}

static int pending(const char* path) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(9000), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  const int server = socket(AF_INET, SOCK_STREAM, 0);
  const int client = socket(AF_INET, SOCK_STREAM, 0);
  if (server < 0 || client < 0 || bind(server, (const struct sockaddr*)&at, sizeof at) < 0) return -1;
  if (listen(server, 1) < 0 || connect(client, (const struct sockaddr*)&at, sizeof at) < 0) return -1;
  return open(path, O_WRONLY | O_CREAT, 0644);
}

static int memory(const char* path) {
  static volatile char kept[1 << 20];
  for (size_t i = 0; i < sizeof kept; i += 512) kept[i] = 1;
  return open(path, O_WRONLY | O_CREAT, 0644);
}

static int deleted(const char* first, const char* second) {
  const int fd = open(first, O_RDWR | O_CREAT, 0644);
  return fd >= 0 && link(first, second) == 0 && unlink(first) == 0 ? fd : -1;
}

int main(int argc, char** argv) {
  const char* what = argc > 2 ? argv[1] : "";
  int fd = -1;
  if (strcmp(what, "serve") == 0) return serve(argv[2]);
  if (strcmp(what, "lock") == 0) fd = lock(argv[2]);
  if (strcmp(what, "socket") == 0) fd = connected(argv[2]);
  if (strcmp(what, "pending") == 0) fd = pending(argv[2]);
  if (strcmp(what, "memory") == 0) fd = memory(argv[2]);
  if (strcmp(what, "deleted") == 0 && argc > 3) fd = deleted(argv[2], argv[3]);
  if (fd < 0) {
    perror(what);
    return 1;
  }
  for (int i = 1;; ++i) {
    char text[16];
    const int size = snprintf(text, sizeof text, "%d\n", i);
    if (strcmp(what, "lock") != 0 && write(fd, text, (size_t)size) < 0) return 2;
    if (i == 1) close(open("/up", O_WRONLY | O_CREAT, 0644));
    usleep(50000);
  }
}
