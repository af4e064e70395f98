// Argument and environment vectors for execve.
#pragma once
#include <stdlib.h>

#include "decode.h"

// A null-terminated array of pointers into the part; owns the array, not the strings.
class CStrings {
 public:
  CStrings() = default;
  CStrings(const CStrings&) = delete;
  CStrings& operator=(const CStrings&) = delete;
  ~CStrings() { ::free(strings_); }

  // `last`, where not null, is appended.
  Failure assign(const Strs& list, char* last) {
    strings_ = static_cast<char**>(::calloc(size_t{list.size()} + 2, sizeof(char*)));
    if (strings_ == nullptr) return {ENOMEM, "calloc"};
    char** next = strings_;
    // execve only reads them, whatever its signature says.
    for (Str s : list) *next++ = const_cast<char*>(s.data);
    *next = last;
    return success;
  }
  [[nodiscard]] char* const* get() const { return strings_; }

 private:
  char** strings_ = nullptr;
};
