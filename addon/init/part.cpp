#include "part.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "conversation.h"

namespace {

// A read-only view of a sealed memfd.
class Mapping {
 public:
  Mapping() = default;
  ~Mapping() {
    if (bytes_ != nullptr) ::munmap(bytes_, size_);
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;

  Failure open(int memfd) {
    // Without these seals the bytes could change after the check, or vanish under the mapping (SIGBUS).
    constexpr int needed = F_SEAL_WRITE | F_SEAL_SHRINK;
    int seals = ::fcntl(memfd, F_GET_SEALS);
    if (seals < 0) return {errno, "fcntl"};
    if ((seals & needed) != needed) return {EPERM, "fcntl"};
    struct stat st{};
    if (auto f = check(::fstat(memfd, &st), "fstat")) return f;
    if (st.st_size <= 0) return malformed;
    void* mapped = ::mmap(nullptr, static_cast<size_t>(st.st_size), PROT_READ, MAP_PRIVATE, memfd, 0);
    if (mapped == MAP_FAILED) return {errno, "mmap"};
    bytes_ = mapped;
    size_ = static_cast<size_t>(st.st_size);
    return success;
  }
  [[nodiscard]] const uint8_t* bytes() const { return static_cast<const uint8_t*>(bytes_); }
  [[nodiscard]] size_t size() const { return size_; }

 private:
  void* bytes_ = nullptr;
  size_t size_ = 0;
};

template <class Visitor>
Failure eachOp(Part part, Visitor&& visitor) {
  for (uint32_t i = 0; i < part.count(); ++i) {
    uint32_t code = 0;
    Reader payload(nullptr, nullptr, {});
    if (!part.next(code, payload)) return malformed;
    if (auto f = visitor(code, payload)) return f;
  }
  return part.atEnd() ? success : malformed;
}

Failure verify(World& w, const Part& part) {
  uint32_t index = 0;
  return eachOp(part, [&](uint32_t code, Reader payload) {
    Failure f = visit(code, payload, [](const auto&) { return success; });
    if (f) w.say("operation %u of the part, code %u", index, code);
    ++index;
    return f;
  });
}

Failure runAll(World& w, const Part& part) {
  return eachOp(part, [&](uint32_t code, Reader payload) {
    w.detail[0] = 0;
    w.step = w.steps;
    Failure f = visit(code, payload, [&](const auto& o) { return run(w, o); });
    if (!f) ++w.steps;
    return f;
  });
}

}  // namespace

Failure runPart(World& w, int memfd, Fd* fds, uint32_t fdCount) {
  int numbers[maxMessageFds];
  w.step = noStep;
  if (fdCount > maxMessageFds) return malformed;
  for (uint32_t i = 0; i < fdCount; ++i) numbers[i] = fds[i].get();
  Mapping mapping;
  if (auto f = mapping.open(memfd)) return f;
  Part part;
  if (auto f = Part::open(mapping.bytes(), mapping.size(), {numbers, fdCount}, op::tableHash, part)) return f;
  if (auto f = verify(w, part)) return f;
  w.partFds = fds;
  w.partFdCount = fdCount;
  Failure f = runAll(w, part);
  w.partFds = nullptr;
  w.partFdCount = 0;
  return f;
}
