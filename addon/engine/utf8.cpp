#include "utf8.h"

#include <cstdint>
#include <cstring>

namespace engine {
namespace {

size_t lengthBy(uint8_t first) {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return 2;
  if (first >= 0xe0 && first <= 0xef) return 3;
  return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

// The second byte decides on overlong forms, surrogates, and what is beyond U+10FFFF (Unicode, table 3-7).
bool isSecond(uint8_t first, uint8_t second) {
  const uint8_t least = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t most = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  return second >= least && second <= most;
}

struct Sequence {
  size_t length;  // at least 1
  bool good;
};

// What `bytes`, which are not empty, begin with: a character, or as much of one as there is.
Sequence firstOf(std::string_view bytes) {
  const auto byteAt = [&](size_t i) { return static_cast<uint8_t>(bytes[i]); };
  const size_t whole = lengthBy(byteAt(0));
  if (whole == 0) return {1, false};
  for (size_t i = 1; i < whole; ++i) {
    const bool fits = i < bytes.size() && (i == 1 ? isSecond(byteAt(0), byteAt(1)) : (byteAt(i) & 0xc0) == 0x80);
    if (!fits) return {i, false};
  }
  return {whole, true};
}

}  // namespace

bool isUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const Sequence sequence = firstOf(bytes);
    if (!sequence.good) return false;
    bytes.remove_prefix(sequence.length);
  }
  return true;
}

std::string repairedUtf8(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const Sequence sequence = firstOf(bytes);
    text += sequence.good ? bytes.substr(0, sequence.length) : "\xef\xbf\xbd";
    bytes.remove_prefix(sequence.length);
  }
  return text;
}

void replaceSurrogates(char* text, size_t length) {
  char* const end = text + length;
  while (auto* found = static_cast<char*>(std::memchr(text, 0xed, static_cast<size_t>(end - text)))) {
    if (static_cast<uint8_t>(found[1]) >= 0xa0) std::memcpy(found, "\xef\xbf\xbd", 3);
    text = found + 3;
  }
}

}  // namespace engine
