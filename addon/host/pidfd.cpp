#include "pidfd.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cstdlib>
#include <cstring>
#include <string>

namespace host {

Outcome<Fd> openProcess(int pid) { return owned(::syscall(SYS_pidfd_open, pid, 0), "pidfd_open"); }

Outcome<int> pidOf(int pidfd) {
  const std::string path = "/proc/self/fdinfo/" + std::to_string(pidfd);
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return failed("open");
  char text[512];
  const ssize_t size = ::read(file.get(), text, sizeof text - 1);
  if (size < 0) return failed("read");
  text[size] = '\0';
  const char* line = std::strstr(text, "\nPid:\t");
  const long pid = line == nullptr ? 0 : std::strtol(line + 6, nullptr, 10);
  if (pid <= 0) return Failure{ESRCH, "pidfd"};
  return static_cast<int>(pid);
}

Failure signalProcess(int pidfd, int signal) {
  return check(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0), "pidfd_send_signal");
}

Outcome<Exit> reap(int pidfd) {
  siginfo_t info{};
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) < 0)
    return failed("waitid");
  if (info.si_pid == 0) return Exit{};
  return Exit{true, info.si_status, info.si_code != CLD_EXITED};
}

Failure becomeSubreaper() { return check(::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl"); }

Failure limitProcess(int pid, int resource, uint64_t soft, uint64_t hard) {
  const rlimit64 limit{soft, hard};
  return check(::prlimit64(pid, static_cast<__rlimit_resource>(resource), &limit, nullptr), "prlimit");
}

}  // namespace host
