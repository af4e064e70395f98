#include "image.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

extern "C" const uint8_t tsrunc_helper_begin[];
extern "C" const uint8_t tsrunc_helper_end[];

namespace host {
namespace {

// Since Linux 6.3 a memfd says whether it may be executed, and vm.memfd_noexec may demand it; older kernels refuse the
// flag.
constexpr unsigned memfdExec = 0x10;
constexpr int allSeals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;

Failure writeAll(int fd, std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return failed("write");
    if (written > 0) bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return success;
}

Outcome<Fd> fillAndSeal(Outcome<Fd> file, std::span<const uint8_t> bytes) {
  if (file.failure) return file;
  if (const Failure f = writeAll(file.value.get(), bytes)) return f;
  if (::fcntl(file.value.get(), F_ADD_SEALS, allSeals) < 0) return failed("fcntl");
  return file;
}

Outcome<Fd> executableMemfd(const char* name) {
  constexpr unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = ::memfd_create(name, flags | memfdExec);
  if (fd >= 0 || errno != EINVAL) return owned(fd, "memfd_create");
  return owned(::memfd_create(name, flags), "memfd_create");
}

}  // namespace

Outcome<int> helperImage() {
  static Fd image;
  if (!image.valid()) {
    Outcome<Fd> made = fillAndSeal(executableMemfd("tsrunc-init"), {tsrunc_helper_begin, tsrunc_helper_end});
    if (made.failure) return made.failure;
    image = std::move(made.value);
  }
  return image.get();
}

Outcome<Fd> sealedCopy(const char* name, std::span<const uint8_t> bytes) {
  return fillAndSeal(owned(::memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING), "memfd_create"), bytes);
}

}  // namespace host
