// Route netlink (rtnetlink(7)): requests to one network namespace, and what it answers.
#pragma once

#include <linux/netlink.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "outcome.h"

namespace host {

// A message with the fixed header of its type (ifinfomsg, ifaddrmsg), and attributes behind it.
class Request {
 public:
  template <class Header>
  Request(uint16_t type, uint16_t flags, const Header& header) {
    const nlmsghdr head{0, type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 0, 0};
    append(&head, sizeof head);
    append(&header, sizeof header);
  }
  Request& add(uint16_t type, std::span<const uint8_t> value);
  Request& add(uint16_t type, uint32_t value);
  Request& add(uint16_t type, const std::string& text);
  // The bytes to send; the length is in its place.
  std::span<const uint8_t> seal();

 private:
  void append(const void* data, size_t size);
  std::vector<uint8_t> bytes_;
};

// One answer: its fixed header and its attributes.
struct Reply {
  std::span<const uint8_t> payload;
  template <class Header>
  [[nodiscard]] const Header& header() const {
    return *reinterpret_cast<const Header*>(payload.data());
  }
  // Empty where there is no such attribute.
  [[nodiscard]] std::span<const uint8_t> attribute(size_t headerSize, uint16_t type) const;
};

class Netlink {
 public:
  // A socket of the network namespace that is open at `space`.
  static Outcome<Netlink> in(int space);

  // Sends, and hands over each answer of at least `headerSize` bytes, up to the kernel's acknowledgement. `call` names
  // the request in the failure.
  Failure ask(Request request, const char* call, size_t headerSize, const std::function<void(const Reply&)>& take);
  Failure tell(Request request, const char* call);

  Netlink() = default;

 private:
  explicit Netlink(Fd socket) : socket_(std::move(socket)) {}
  Fd socket_;
};

}  // namespace host
