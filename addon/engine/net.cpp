// Stream sockets to unix addresses.
#include "net.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "../host/waiter.h"
#include "../sys/fd.h"
#include "calls.h"
#include "loop.h"

namespace engine {
namespace {

constexpr timeval patience{10, 0};

JSValue connectTo(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text path(context, arguments[0]);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.get() == nullptr) return JS_EXCEPTION;
  if (path.size() >= sizeof address.sun_path) return throwErrno(context, ENAMETOOLONG, "connect", path.get());
  std::memcpy(address.sun_path, path.get(), path.size());
  // An abstract name, which begins with NUL, ends with the address.
  const size_t end = path.get()[0] == '\0' ? path.size() : path.size() + 1;
  Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return throwErrno(context, errno, "socket");
  // connect waits for a place in the listener's queue, send for one in its buffer: as long as this, not for ever.
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0) {
    return throwErrno(context, errno, "setsockopt");
  }
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + end);
  while (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) < 0) {
    if (errno != EINTR) return throwErrno(context, errno, "connect", path.get());
  }
  return JS_NewInt32(context, fd.release());
}

JSValue sendAll(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  size_t size = 0;
  const uint8_t* bytes = JS_GetArrayBuffer(context, &size, arguments[1]);
  auto offset = static_cast<size_t>(intOf(context, arguments[2]));
  auto length = static_cast<size_t>(intOf(context, arguments[3]));
  if (bytes == nullptr || offset > size || length > size - offset) return throwErrno(context, EFAULT, "send");
  while (length > 0) {
    const ssize_t sent = ::send(intOf(context, arguments[0]), bytes + offset, length, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return throwErrno(context, errno, "send");
    offset += static_cast<size_t>(sent);
    length -= static_cast<size_t>(sent);
  }
  return JS_UNDEFINED;
}

JSValue receive(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  uint8_t bytes[16384];
  ssize_t size = 0;
  do size = ::recv(intOf(context, arguments[0]), bytes, sizeof bytes, 0);
  while (size < 0 && errno == EINTR);
  if (size < 0) return throwErrno(context, errno, "recv");
  return JS_NewArrayBufferCopy(context, bytes, static_cast<size_t>(size));
}

JSValue shutDown(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  // One that the other side has closed is not connected any more, which is as good.
  static_cast<void>(::shutdown(intOf(context, arguments[0]), SHUT_RDWR));
  return JS_UNDEFINED;
}

JSValue onReadable(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  Loop& loop = loopOf(context);
  JSValue callback = JS_DupValue(context, arguments[1]);
  loop.keep();
  const Failure failure = host::whenReadable(intOf(context, arguments[0]), -1, [&loop, context, callback](host::Wake) {
    loop.post([&loop, context, callback] {
      loop.release();
      // What it throws is the loop's to see.
      JS_FreeValue(context, JS_Call(context, callback, JS_UNDEFINED, 0, nullptr));
      JS_FreeValue(context, callback);
    });
  });
  if (!failure) return JS_UNDEFINED;
  loop.release();
  JS_FreeValue(context, callback);
  return throwErrno(context, failure.err, failure.call);
}

JSValue endWaitsFor(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Failure failure = host::endWaits(intOf(context, arguments[0]));
  return failure ? throwErrno(context, failure.err, failure.call) : JS_UNDEFINED;
}

constexpr NativeFunction functions[] = {
    {"connect", 1, connectTo}, {"send", 4, sendAll},          {"receive", 1, receive},
    {"shutdown", 1, shutDown}, {"onReadable", 2, onReadable}, {"endWaits", 1, endWaitsFor},
};

}  // namespace

void addNetFunctions(JSContext* context, JSValueConst natives) { addFunctions(context, natives, functions); }

}  // namespace engine
