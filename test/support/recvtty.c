// Stands in for an engine at the other end of --console-socket: listens on the unix socket argv[1], receives one
// terminal, writes argv[2] (if any) to it, and copies what comes out of it to stdout until it hangs up. With argv[2]
// "--fdinfo", for --pidfd-socket, it copies what the kernel says about the descriptor instead. Exit status: 0; 1 with a
// message when a system call fails.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int must(int result, const char* call) {
  if (result >= 0) return result;
  perror(call);
  exit(1);
}

static int receive_fd(int connection) {
  char data[256];
  char control[CMSG_SPACE(sizeof(int))];
  struct iovec vec = {data, sizeof data};
  struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  must(recvmsg(connection, &message, MSG_CMSG_CLOEXEC), "recvmsg");
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == NULL || header->cmsg_type != SCM_RIGHTS) {
    fputs("no descriptor came\n", stderr);
    exit(1);
  }
  int fd;
  memcpy(&fd, CMSG_DATA(header), sizeof fd);
  return fd;
}

int main(int argc, char** argv) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  if (argc < 2 || strlen(argv[1]) >= sizeof address.sun_path) return 1;
  strcpy(address.sun_path, argv[1]);
  int listener = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
  must(bind(listener, (struct sockaddr*)&address, sizeof address), "bind");
  must(listen(listener, 1), "listen");
  int received = receive_fd(must(accept(listener, NULL, NULL), "accept"));
  if (argc > 2 && strcmp(argv[2], "--fdinfo") == 0) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fdinfo/%d", received);
    received = must(open(path, O_RDONLY), "open");
  } else if (argc > 2) {
    must(write(received, argv[2], strlen(argv[2])), "write");
  }
  char buffer[4096];
  for (ssize_t size; (size = read(received, buffer, sizeof buffer)) > 0;) must(write(1, buffer, size), "write");
  return 0;
}
