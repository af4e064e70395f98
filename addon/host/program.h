// Other programs, run to their end: hooks, newuidmap, ps.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "outcome.h"

namespace host {

struct ProgramRequest {
  std::string path;  // without a slash it is looked up in PATH
  std::vector<std::string> argv;
  std::vector<std::string> env;
  std::string cwd;  // "" is our own
  std::string input;
  int timeoutMs;         // -1: none
  size_t mostOutput;     // of its standard output, what is kept: the first bytes; 0: it goes to /dev/null
  size_t mostComplaint;  // of its standard error: the last bytes
};

struct ProgramEnd {
  Failure failure{};  // it could not be started or watched; the rest means nothing then
  int code = 0;       // exit status, or the signal's number
  bool signaled = false;
  bool timedOut = false;  // and was killed
  std::string output;
  std::string complaint;
};

// Starts the program and calls `done` from another thread when it has ended. A program that leaves processes behind
// which keep its pipes is not waited for any longer. Fails when it cannot be started (ENOENT: there is none such).
Failure runProgram(ProgramRequest request, std::function<void(ProgramEnd)> done);

}  // namespace host
