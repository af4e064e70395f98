// Filters of system calls: from rules to a BPF program, by libseccomp. Only the text of a filter is made here; the
// helper loads it.
#pragma once

#include <seccomp.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "outcome.h"

namespace host {

// All numbers are those of seccomp.h.
struct FilterRule {
  std::vector<std::string> names;
  uint32_t action;
  // All of them must hold.
  std::vector<scmp_arg_cmp> conditions;
};

struct FilterRequest {
  uint32_t defaultAction;
  std::vector<uint32_t> architectures;
  std::vector<FilterRule> rules;
  // All names that the profile speaks of, also without a rule.
  std::vector<std::string> named;
  // Search the system calls by halving instead of one by one.
  bool binaryTree;
};

struct FilterProgram {
  // struct sock_filter, in the byte order of this machine.
  std::vector<uint8_t> instructions;
  // Names that this libseccomp does not know on any machine.
  std::vector<std::string> unknown;
  // For each architecture of the request the highest number that is named; 0 where none is.
  std::vector<uint32_t> newest;
};

// Where in a request libseccomp refused something.
struct FilterPlace {
  int rule = -1;
  std::string name;
};

Outcome<FilterProgram> compileFilter(const FilterRequest& request, FilterPlace& refused);

// "2.5.4"; the library is linked in, so its header tells.
std::string libseccompVersion();

// A fingerprint to find things by, not to trust: FNV-1a, 16 hexadecimal digits.
std::string fingerprint(std::span<const uint8_t> bytes);

}  // namespace host
