#include "decode.h"

namespace {

constexpr uint32_t magic = 0x43525354;
constexpr uint32_t version = 1;

struct Header {
  uint32_t magic;
  uint32_t version;
  uint8_t hash[32];
  uint32_t opCount;
  uint32_t totalBytes;
};
static_assert(sizeof(Header) == 48);

constexpr size_t padded(size_t size) { return (size + 3) & ~size_t{3}; }

uint32_t loadU32(const uint8_t* at) {
  uint32_t value = 0;
  memcpy(&value, at, sizeof value);
  return value;
}

}  // namespace

Str Strs::Iterator::operator*() const { return {reinterpret_cast<const char*>(at_ + 4), loadU32(at_)}; }

Strs::Iterator& Strs::Iterator::operator++() {
  at_ += 4 + padded(size_t{loadU32(at_)} + 1);
  return *this;
}

bool Reader::takeRaw(void* out, size_t size) {
  if (left() < size) return false;
  memcpy(out, at_, size);
  at_ += size;
  return true;
}

bool Reader::take(uint32_t& out) { return takeRaw(&out, sizeof out); }
bool Reader::take(int64_t& out) { return takeRaw(&out, sizeof out); }
bool Reader::take(uint64_t& out) { return takeRaw(&out, sizeof out); }

// `size` bytes, then `trailing` zeros that belong to the value, then zeros up to the next multiple of 4.
bool Reader::takePadded(const uint8_t*& data, uint32_t size, uint32_t trailing) {
  size_t whole = padded(size_t{size} + trailing);
  if (left() < whole) return false;
  for (size_t i = size; i < whole; ++i) {
    if (at_[i] != 0) return false;
  }
  data = at_;
  at_ += whole;
  return true;
}

bool Reader::take(Str& out) {
  uint32_t size = 0;
  const uint8_t* data = nullptr;
  if (!take(size) || !takePadded(data, size, 1)) return false;
  // A NUL inside would make the kernel act on less than what was checked and shown.
  if (memchr(data, 0, size) != nullptr) return false;
  out = {reinterpret_cast<const char*>(data), size};
  return true;
}

bool Reader::take(Bytes& out) {
  uint32_t size = 0;
  const uint8_t* data = nullptr;
  if (!take(size) || !takePadded(data, size, 0)) return false;
  out = {data, size};
  return true;
}

bool Reader::take(Strs& out) {
  uint32_t count = 0;
  if (!take(count)) return false;
  const uint8_t* first = at_;
  for (uint32_t i = 0; i < count; ++i) {
    Str ignored;
    if (!take(ignored)) return false;
  }
  out = Strs(first, at_, count);
  return true;
}

bool Reader::take(U32s& out) {
  uint32_t count = 0;
  if (!take(count) || left() / 4 < count) return false;
  out = U32s(at_, count);
  at_ += size_t{count} * 4;
  return true;
}

bool Reader::take(int& fd) {
  int32_t index = 0;
  if (!takeRaw(&index, sizeof index) || index < -1) return false;
  if (index >= 0 && static_cast<uint32_t>(index) >= fds_.count) return false;
  fd = index < 0 ? -1 : fds_.fds[index];
  return true;
}

bool Reader::take(Reader& payload, uint32_t size) {
  if (left() < size || size % 4 != 0) return false;
  payload = Reader(at_, at_ + size, fds_);
  at_ += size;
  return true;
}

Failure Part::open(const uint8_t* bytes, size_t size, FdTable fds, const uint8_t (&hash)[32], Part& out) {
  Header header{};
  if (size < sizeof header) return malformed;
  memcpy(&header, bytes, sizeof header);
  if (header.magic != magic || header.totalBytes != size) return malformed;
  if (header.version != version || memcmp(header.hash, hash, sizeof hash) != 0) return {EPROTONOSUPPORT, "decode"};
  out = Part(Reader(bytes + sizeof header, bytes + size, fds), header.opCount);
  return success;
}

bool Part::next(uint32_t& code, Reader& payload) {
  uint32_t size = 0;
  return rest_.take(code) && rest_.take(size) && rest_.take(payload, size);
}
