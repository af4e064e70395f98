#include "lock.h"

#include <signal.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <time.h>

// flock(2) has no timeout, nor has any other lock that dies with its open file. Polling would wake for nothing and be
// unfair, so a thread sleeps in flock and a timer of its own interrupts it. The timer fires again and again because its
// first signal may come just before flock is entered and would then interrupt nothing.

#ifndef sigev_notify_thread_id
#define sigev_notify_thread_id _sigev_un._tid
#endif

namespace host {
namespace {

int alarmSignal() { return SIGRTMAX - 1; }

void ignoreAlarm(int) {}

// Without SA_RESTART, so that flock returns EINTR. Only the waiting thread lets the signal through.
Failure receiveAlarm() {
  struct sigaction action{};
  action.sa_handler = ignoreAlarm;
  if (::sigaction(alarmSignal(), &action, nullptr) < 0) return failed("sigaction");
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, alarmSignal());
  const int err = ::pthread_sigmask(SIG_UNBLOCK, &alarm, nullptr);
  return err == 0 ? success : Failure{err, "pthread_sigmask"};
}

class Alarm {
 public:
  Alarm() = default;
  ~Alarm() {
    if (armed_) static_cast<void>(::timer_delete(timer_));
  }
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;

  Failure set(int timeoutMs) {
    if (const Failure f = receiveAlarm()) return f;
    sigevent event{};
    event.sigev_notify = SIGEV_THREAD_ID;
    event.sigev_signo = alarmSignal();
    event.sigev_notify_thread_id = static_cast<pid_t>(::syscall(SYS_gettid));
    if (::timer_create(CLOCK_MONOTONIC, &event, &timer_) < 0) return failed("timer_create");
    armed_ = true;
    const itimerspec when{{0, 5'000'000}, {timeoutMs / 1000, (timeoutMs % 1000) * 1'000'000L}};
    return check(::timer_settime(timer_, 0, &when, nullptr), "timer_settime");
  }

 private:
  timer_t timer_{};
  bool armed_ = false;
};

}  // namespace

Outcome<bool> tryLock(int fd) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return true;
  if (errno == EWOULDBLOCK) return false;
  return failed("flock");
}

Outcome<bool> waitForLock(int fd, int timeoutMs) {
  if (timeoutMs == 0) return tryLock(fd);
  Alarm alarm;
  if (timeoutMs > 0) {
    if (const Failure f = alarm.set(timeoutMs)) return f;
  }
  if (::flock(fd, LOCK_EX) == 0) return true;
  if (errno == EINTR) return false;
  return failed("flock");
}

}  // namespace host
