// A writer of the wire format for the tests: right by default, and able to write what is wrong.
#pragma once
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "../generated/ops.h"

class Writer {
 public:
  Writer& u32(uint32_t value) { return raw(&value, sizeof value); }
  Writer& i64(int64_t value) { return raw(&value, sizeof value); }
  Writer& u64(uint64_t value) { return raw(&value, sizeof value); }
  Writer& fd(int32_t index) { return raw(&index, sizeof index); }
  Writer& bytes(const std::string& value) {
    u32(static_cast<uint32_t>(value.size())).raw(value.data(), value.size());
    return pad();
  }
  Writer& str(const std::string& value) {
    u32(static_cast<uint32_t>(value.size())).raw(value.c_str(), value.size() + 1);
    return pad();
  }
  Writer& strs(const std::vector<std::string>& values) {
    u32(static_cast<uint32_t>(values.size()));
    for (const auto& value : values) str(value);
    return *this;
  }
  Writer& raw(const void* data, size_t size) {
    const auto* from = static_cast<const uint8_t*>(data);
    data_.insert(data_.end(), from, from + size);
    return *this;
  }
  Writer& pad() {
    while (data_.size() % 4 != 0) data_.push_back(0);
    return *this;
  }
  [[nodiscard]] const std::vector<uint8_t>& data() const { return data_; }

 private:
  std::vector<uint8_t> data_;
};

struct EncodedOp {
  op::Code code;
  std::vector<uint8_t> payload;
};

struct Header {
  uint32_t magic = 0x43525354;
  uint32_t version = 1;
  uint8_t hash[32];
  uint32_t opCount = 0;
  uint32_t totalBytes = 0;
};

inline Header headerFor(uint32_t opCount, size_t payload) {
  Header header;
  std::memcpy(header.hash, op::tableHash, sizeof header.hash);
  header.opCount = opCount;
  header.totalBytes = static_cast<uint32_t>(sizeof header + payload);
  return header;
}

inline std::vector<uint8_t> encodePart(const std::vector<EncodedOp>& ops) {
  Writer body;
  for (const auto& op : ops) {
    body.u32(static_cast<uint32_t>(op.code)).u32(static_cast<uint32_t>(op.payload.size()));
    body.raw(op.payload.data(), op.payload.size());
  }
  const Header header = headerFor(static_cast<uint32_t>(ops.size()), body.data().size());
  Writer part;
  part.raw(&header, sizeof header).raw(body.data().data(), body.data().size());
  return part.data();
}
