// Reading an encoded part of a plan (docs/wire.md). The bytes are not trusted: whatever is handed out has been checked
// against the end of the part. Nothing is copied: strings and lists are views into the sealed, hence unchanging,
// mapping.
#pragma once
#include <stdint.h>
#include <string.h>

#include "../sys/failure.h"

inline constexpr Failure malformed{EBADMSG, "decode"};

// A string without NUL inside; data[size] is a NUL, so that data serves as a C string.
struct Str {
  const char* data = "";
  uint32_t size = 0;
  [[nodiscard]] bool empty() const { return size == 0; }
};

struct Bytes {
  const uint8_t* data = nullptr;
  uint32_t size = 0;
};

// for (Str s : list)
class Strs {
 public:
  class Iterator {
   public:
    explicit Iterator(const uint8_t* at) : at_(at) {}
    Str operator*() const;
    Iterator& operator++();
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const uint8_t* at_;
  };
  Strs() = default;
  // [first, last) holds count encoded strings; Reader::take proved it.
  Strs(const uint8_t* first, const uint8_t* last, uint32_t count) : first_(first), last_(last), count_(count) {}
  [[nodiscard]] Iterator begin() const { return Iterator(first_); }
  [[nodiscard]] Iterator end() const { return Iterator(last_); }
  [[nodiscard]] uint32_t size() const { return count_; }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  const uint8_t* first_ = nullptr;
  const uint8_t* last_ = nullptr;
  uint32_t count_ = 0;
};

// list[i], or data() for system calls: the encoding is the kernel's own, 4-byte aligned.
class U32s {
 public:
  U32s() = default;
  U32s(const uint8_t* data, uint32_t count) : data_(data), count_(count) {}
  [[nodiscard]] uint32_t operator[](uint32_t i) const {
    uint32_t value = 0;
    memcpy(&value, data_ + size_t{i} * 4, 4);
    return value;
  }
  [[nodiscard]] const uint32_t* data() const { return reinterpret_cast<const uint32_t*>(data_); }
  [[nodiscard]] uint32_t size() const { return count_; }

 private:
  const uint8_t* data_ = nullptr;
  uint32_t count_ = 0;
};

// The real descriptors behind the indexes of a part.
struct FdTable {
  const int* fds = nullptr;
  uint32_t count = 0;
};

// A cursor over [at, end). Every take answers false, and leaves its output alone, where the bytes do not hold the
// value.
class Reader {
 public:
  Reader(const uint8_t* at, const uint8_t* end, FdTable fds) : at_(at), end_(end), fds_(fds) {}
  bool take(uint32_t& out);
  bool take(int64_t& out);
  bool take(uint64_t& out);
  bool take(Str& out);
  bool take(Bytes& out);
  bool take(Strs& out);
  bool take(U32s& out);
  bool take(int& fd);
  bool take(Reader& payload, uint32_t size);
  [[nodiscard]] bool atEnd() const { return at_ == end_; }

 private:
  [[nodiscard]] size_t left() const { return static_cast<size_t>(end_ - at_); }
  bool takeRaw(void* out, size_t size);
  bool takePadded(const uint8_t*& data, uint32_t size, uint32_t trailing);

  const uint8_t* at_;
  const uint8_t* end_;
  FdTable fds_;
};

// The operations of a part, one after the other.
class Part {
 public:
  // Checks the header: magic, version, hash of the table, and that the length is the one that the runtime wrote.
  static Failure open(const uint8_t* bytes, size_t size, FdTable fds, const uint8_t (&hash)[32], Part& out);
  [[nodiscard]] uint32_t count() const { return count_; }
  // Next operation; false when the bytes end too early.
  bool next(uint32_t& code, Reader& payload);
  [[nodiscard]] bool atEnd() const { return rest_.atEnd(); }
  Part() = default;

 private:
  Part(Reader rest, uint32_t count) : rest_(rest), count_(count) {}
  Reader rest_{nullptr, nullptr, {}};
  uint32_t count_ = 0;
};
