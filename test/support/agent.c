/*
 * Stands in for a seccomp agent (config-linux.md "The Container Process State"):
 *
 *   agent SOCKET ANSWER [MS]     ANSWER: continue | errno:N | value:N
 *
 * listens on the Unix stream socket, takes one connection, and prints to stdout, a line each:
 *
 *   ready                        it listens
 *   fds N                        number of descriptors that came with the first bytes
 *   state JSON                   all that came until the runtime closed the connection
 *   call NUMBER                  a system call that it was asked about and answered
 *   gone                         no process uses the filter any more
 *
 * With MS it sends SIGUSR1 to each process that asks, gives it so many milliseconds to leave its call, and prints
 *
 *   asks | left                  whether it still waits for the answer
 *
 * Exit status: 0; 1 with a message when a system call fails.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int must(int result, const char* call) {
  if (result >= 0) return result;
  perror(call);
  exit(1);
}

static int listen_at(const char* path) {
  struct sockaddr_un at = {.sun_family = AF_UNIX};
  strncpy(at.sun_path, path, sizeof at.sun_path - 1);
  int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
  must(bind(fd, (struct sockaddr*)&at, sizeof at), "bind");
  must(listen(fd, 1), "listen");
  printf("ready\n");
  return fd;
}

static int receive_state(int connection) {
  static char text[1 << 20];
  char control[CMSG_SPACE(sizeof(int) * 8)];
  struct iovec vec = {text, sizeof text - 1};
  struct msghdr message = {.msg_iov = &vec, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
  size_t size = (size_t)must((int)recvmsg(connection, &message, 0), "recvmsg");
  struct cmsghdr* rights = CMSG_FIRSTHDR(&message);
  int fd = -1;
  printf("fds %zu\n", rights == NULL ? 0 : (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int));
  if (rights != NULL) memcpy(&fd, CMSG_DATA(rights), sizeof fd);
  for (int more = 1; more > 0 && size < sizeof text - 1; size += (size_t)more) {
    more = must((int)read(connection, text + size, sizeof text - 1 - size), "read");
  }
  printf("state %s\n", text);
  return fd;
}

static int still_asks(int listener, __u64 id) { return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0; }

static int asks_after_signal(int listener, const struct seccomp_notif* ask, int milliseconds) {
  must(kill((pid_t)ask->pid, SIGUSR1), "kill");
  for (int i = 0; i < milliseconds && still_asks(listener, ask->id); i++) usleep(1000);
  const int asks = still_asks(listener, ask->id);
  printf("%s\n", asks ? "asks" : "left");
  return asks;
}

static void answer(int listener, const char* how, int milliseconds) {
  struct seccomp_notif ask;
  memset(&ask, 0, sizeof ask);
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &ask) < 0 && errno == ENOENT) return;
  if (milliseconds > 0 && !asks_after_signal(listener, &ask, milliseconds)) return;
  struct seccomp_notif_resp reply = {.id = ask.id};
  if (strcmp(how, "continue") == 0) reply.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  if (strncmp(how, "errno:", 6) == 0) reply.error = -atoi(how + 6);
  if (strncmp(how, "value:", 6) == 0) reply.val = atoi(how + 6);
  /* The process may have been killed meanwhile. */
  if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &reply) < 0 && errno != ENOENT) must(-1, "SECCOMP_IOCTL_NOTIF_SEND");
  printf("call %d\n", ask.data.nr);
}

int main(int argc, char** argv) {
  if (argc != 3 && argc != 4) return 2;
  setvbuf(stdout, NULL, _IOLBF, 0);
  int connection = must(accept(listen_at(argv[1]), NULL, NULL), "accept");
  int listener = receive_state(connection);
  for (;;) {
    struct pollfd watched = {listener, POLLIN, 0};
    must(poll(&watched, 1, -1), "poll");
    if (watched.revents & POLLIN)
      answer(listener, argv[2], argc > 3 ? atoi(argv[3]) : 0);
    else
      break;
  }
  printf("gone\n");
  return 0;
}
