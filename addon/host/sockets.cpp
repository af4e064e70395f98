#include "sockets.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

namespace host {
namespace {

// A peer that accepts nothing must not hang us; what it does takes microseconds.
constexpr timeval patience{10, 0};

// "/proc/self/fd/7/start.sock" fits where the state directory's own path might not (108 bytes).
Failure address(int dirfd, const std::string& name, sockaddr_un& out) {
  const std::string path = "/proc/self/fd/" + std::to_string(dirfd) + "/" + name;
  if (path.size() >= sizeof out.sun_path) return Failure{ENAMETOOLONG, "bind"};
  out = sockaddr_un{};
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return success;
}

Outcome<Fd> makeSocket(int type) {
  Outcome<Fd> made = owned(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0), "socket");
  if (!made.failure && ::setsockopt(made.value.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0) {
    return failed("setsockopt");
  }
  return made;
}

Outcome<Fd> connectTo(int type, int dirfd, const std::string& name) {
  sockaddr_un to;
  if (const Failure f = address(dirfd, name, to)) return f;
  Outcome<Fd> made = makeSocket(type);
  if (made.failure) return made;
  if (::connect(made.value.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) < 0) return failed("connect");
  return made;
}

Outcome<Fd> openParent(const std::string& path, std::string& name) {
  const size_t slash = path.rfind('/');
  name = path.substr(slash == std::string::npos ? 0 : slash + 1);
  const std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  return owned(::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC), "open");
}

// Bytes that went out with the descriptor.
Outcome<size_t> sendBeside(int socket, int fd, std::string_view payload) {
  iovec data{const_cast<char*>(payload.data()), payload.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(header), &fd, sizeof fd);
  const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL);
  if (sent < 0) return failed("sendmsg");
  return static_cast<size_t>(sent);
}

// A stream may take less than it is given.
Failure sendAll(int socket, std::string_view rest) {
  while (!rest.empty()) {
    const ssize_t sent = ::send(socket, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0) return failed("send");
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  return success;
}

}  // namespace

Outcome<Fd> listenAt(int dirfd, const std::string& name) {
  sockaddr_un at;
  if (const Failure f = address(dirfd, name, at)) return f;
  Outcome<Fd> made = makeSocket(SOCK_SEQPACKET);
  if (made.failure) return made;
  // bind(2) gives the file the mode of the socket's inode, so it never exists with a wider one.
  if (::fchmod(made.value.get(), S_IRUSR | S_IWUSR) < 0) return failed("fchmod");
  if (::bind(made.value.get(), reinterpret_cast<const sockaddr*>(&at), sizeof at) < 0) return failed("bind");
  if (::listen(made.value.get(), 8) < 0) return failed("listen");
  return made;
}

Outcome<Fd> connectAt(int dirfd, const std::string& name) { return connectTo(SOCK_SEQPACKET, dirfd, name); }

Failure sendFd(const std::string& path, int fd, std::string_view payload) {
  if (payload.empty()) return Failure{EINVAL, "sendmsg"};
  std::string name;
  Outcome<Fd> parent = openParent(path, name);
  if (parent.failure) return parent.failure;
  Outcome<Fd> peer = connectTo(SOCK_STREAM, parent.value.get(), name);
  if (peer.failure) return peer.failure;
  const Outcome<size_t> first = sendBeside(peer.value.get(), fd, payload);
  if (first.failure) return first.failure;
  return sendAll(peer.value.get(), payload.substr(first.value));
}

}  // namespace host
