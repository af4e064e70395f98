// Runs the file-system operations of one encoded part, without a runtime, and then a program that looks at the result:
//   fs-driver PART FDS PROGRAM [ARGUMENT...]
// The first FDS descriptors above 2 are the part's. A failing operation prints "step errno call detail" and ends with
// status 90. Namespaces are the caller's business (unshare(1)).
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "../init/world.h"

namespace {

constexpr int failedOperation = 90;
constexpr int badUsage = 91;

template <class T, class... Ops>
concept OneOf = (__is_same(T, Ops) || ...);
template <class T>
concept FileSystemOp =
    OneOf<T, op::SetPropagation, op::OpenRoot, op::UseRoot, op::Mount, op::Bind, op::Remount, op::Symlink,
          op::MakeDirectory, op::Device, op::MaskPath, op::ReadonlyPath, op::PivotRoot, op::MoveRoot, op::ChangeRoot,
          op::SetRootAttrs, op::SetSysctl, op::ChangeDirectory, op::SetSecurityLabel, op::SetFileLabel>;

Failure dispatch(World& w, uint32_t code, Reader payload) {
  return visit(code, payload, [&w]<class Op>(const Op& o) -> Failure {
    if constexpr (FileSystemOp<Op>) {
      return run(w, o);
    } else {
      return {ENOSYS, "dispatch"};
    }
  });
}

Failure runAll(World& w, Part part) {
  for (uint32_t step = 0; step < part.count(); step++) {
    uint32_t code = 0;
    Reader payload(nullptr, nullptr, {});
    w.say("%s", "");
    auto f = part.next(code, payload) ? dispatch(w, code, payload) : malformed;
    if (!f) continue;
    printf("%u %d %s %s\n", step, f.err, f.call, w.detail);
    return f;
  }
  return success;
}

int runFile(const char* path, const FdTable& fds) {
  Fd file(::open(path, O_RDONLY | O_CLOEXEC));
  struct stat st{};
  if (!file.valid() || ::fstat(file.get(), &st) != 0) return badUsage;
  auto size = static_cast<size_t>(st.st_size);
  void* bytes = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  if (bytes == MAP_FAILED) return badUsage;
  Part part;
  if (Part::open(static_cast<const uint8_t*>(bytes), size, fds, op::tableHash, part)) return badUsage;
  World w;
  return runAll(w, part) ? failedOperation : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return badUsage;
  constexpr int firstFd = 3;
  int fds[16];
  FdTable table{fds, static_cast<uint32_t>(atoi(argv[2]))};
  if (table.count > 16) return badUsage;
  for (uint32_t i = 0; i < table.count; i++) fds[i] = firstFd + static_cast<int>(i);
  if (int status = runFile(argv[1], table)) {
    fflush(stdout);
    return status;
  }
  execv(argv[3], argv + 3);
  perror(argv[3]);
  return badUsage;
}
