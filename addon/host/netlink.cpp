#include "netlink.h"

#include <linux/rtnetlink.h>
#include <sched.h>
#include <sys/socket.h>

#include <cstring>
#include <thread>

namespace host {
namespace {

// Larger than what the kernel puts into one datagram of a dump.
constexpr size_t bufferSize = 64 * 1024;

// The namespace of a socket is that of the thread that made it, and for good. A thread of its own, since one that
// failed to come back would take the whole process along.
Outcome<Fd> socketIn(int space) {
  Outcome<Fd> made = Failure{};
  std::thread([&made, space] {
    if (::setns(space, CLONE_NEWNET) < 0) {
      made = failed("setns");
      return;
    }
    made = owned(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), "socket");
  }).join();
  return made;
}

// The kernel acknowledges by an error message of errno 0.
Failure readError(const nlmsghdr& head, const char* call) {
  if (head.nlmsg_len < NLMSG_LENGTH(sizeof(nlmsgerr))) return Failure{EBADMSG, call};
  const int error = reinterpret_cast<const nlmsgerr*>(NLMSG_DATA(&head))->error;
  return error == 0 ? success : Failure{-error, call};
}

}  // namespace

void Request::append(const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes_.insert(bytes_.end(), from, from + size);
  bytes_.resize(NLMSG_ALIGN(bytes_.size()));
}

Request& Request::add(uint16_t type, std::span<const uint8_t> value) {
  const rtattr head{static_cast<uint16_t>(RTA_LENGTH(value.size())), type};
  append(&head, sizeof head);
  append(value.data(), value.size());
  return *this;
}

Request& Request::add(uint16_t type, uint32_t value) {
  return add(type, std::span(reinterpret_cast<const uint8_t*>(&value), sizeof value));
}

Request& Request::add(uint16_t type, const std::string& text) {
  return add(type, std::span(reinterpret_cast<const uint8_t*>(text.c_str()), text.size() + 1));
}

std::span<const uint8_t> Request::seal() {
  const auto size = static_cast<uint32_t>(bytes_.size());
  std::memcpy(bytes_.data() + offsetof(nlmsghdr, nlmsg_len), &size, sizeof size);
  return bytes_;
}

std::span<const uint8_t> Reply::attribute(size_t headerSize, uint16_t type) const {
  size_t at = NLMSG_ALIGN(headerSize);
  while (at + sizeof(rtattr) <= payload.size()) {
    const auto* head = reinterpret_cast<const rtattr*>(payload.data() + at);
    if (head->rta_len < sizeof(rtattr) || at + head->rta_len > payload.size()) break;
    if ((head->rta_type & NLA_TYPE_MASK) == type) return payload.subspan(at + RTA_LENGTH(0), RTA_PAYLOAD(head));
    at += RTA_ALIGN(head->rta_len);
  }
  return {};
}

Outcome<Netlink> Netlink::in(int space) {
  Outcome<Fd> socket = socketIn(space);
  if (socket.failure) return socket.failure;
  return Netlink(std::move(socket.value));
}

Failure Netlink::ask(Request request, const char* call, size_t headerSize,
                     const std::function<void(const Reply&)>& take) {
  const std::span<const uint8_t> sent = request.seal();
  if (::send(socket_.get(), sent.data(), sent.size(), 0) < 0) return failed(call);
  std::vector<uint8_t> buffer(bufferSize);
  while (true) {
    const ssize_t size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0 && errno != EINTR) return failed(call);
    auto left = static_cast<int>(size < 0 ? 0 : size);
    for (auto* head = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(head, left); head = NLMSG_NEXT(head, left)) {
      if (head->nlmsg_type == NLMSG_ERROR) return readError(*head, call);
      if (head->nlmsg_type == NLMSG_DONE) return success;
      if (NLMSG_PAYLOAD(head, 0) < headerSize) return Failure{EBADMSG, call};
      take({std::span(static_cast<const uint8_t*>(NLMSG_DATA(head)), NLMSG_PAYLOAD(head, 0))});
    }
  }
}

Failure Netlink::tell(Request request, const char* call) {
  return ask(std::move(request), call, 0, [](const Reply&) {});
}

}  // namespace host
