#include "waiter.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <vector>

#include "clone.h"

namespace host {
namespace {

using Clock = std::chrono::steady_clock;

struct Watch {
  int fd;
  Clock::time_point deadline;
  std::function<void(Wake)> done;
};

// One thread polls for all; the number of watches is that of the containers that something is expected of.
class Waiter {
 public:
  Failure start() {
    Outcome<Fd> bell = openEventfd();
    if (bell.failure) return bell.failure;
    bell_ = std::move(bell.value);
    const AllSignalsBlocked inherited;  // signals are for the engine's threads
    pthread_t thread;
    int err = ::pthread_create(&thread, nullptr, [](void* self) -> void* { static_cast<Waiter*>(self)->run(); }, this);
    if (err == 0) err = ::pthread_detach(thread);
    return err == 0 ? success : Failure{err, "pthread_create"};
  }

  Failure add(Watch watch) {
    const std::lock_guard hold(mutex_);
    added_.push_back(std::move(watch));
    return ring();
  }

  Failure end(int fd) {
    const std::lock_guard hold(mutex_);
    ended_.push_back(fd);
    return ring();
  }

 private:
  [[nodiscard]] Failure ring() const { return check(::eventfd_write(bell_.get(), 1), "eventfd_write"); }

  [[noreturn]] void run() {
    for (;;) {
      takeRequests();
      std::vector<pollfd> fds{{bell_.get(), POLLIN, 0}};
      for (const Watch& watch : watches_) fds.push_back({watch.fd, POLLIN, 0});
      const int ready = ::poll(fds.data(), fds.size(), nextTimeout());
      if (ready < 0 && errno != EINTR) failAll(failed("poll"));
      if (ready >= 0) finishReady(fds);
    }
  }

  void takeRequests() {
    eventfd_t count = 0;
    static_cast<void>(::eventfd_read(bell_.get(), &count));  // EAGAIN: woken by something else
    const std::lock_guard hold(mutex_);
    std::move(added_.begin(), added_.end(), std::back_inserter(watches_));
    added_.clear();
    const auto now = Clock::now();
    for (Watch& watch : watches_) {
      if (std::find(ended_.begin(), ended_.end(), watch.fd) != ended_.end()) watch.deadline = now;
    }
    ended_.clear();
  }

  // Rounded up: waking early would only mean to wait again.
  [[nodiscard]] int nextTimeout() const {
    Clock::time_point next = Clock::time_point::max();
    for (const Watch& watch : watches_) next = std::min(next, watch.deadline);
    if (next == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(next - Clock::now()).count();
    return static_cast<int>(std::clamp<long>(left, 0, 1'000'000));
  }

  void finishReady(const std::vector<pollfd>& fds) {
    std::vector<Watch> waiting;
    for (size_t i = 0; i < watches_.size(); ++i) {
      const short events = fds[i + 1].revents;
      if ((events & POLLNVAL) != 0) {
        watches_[i].done({false, {EBADF, "poll"}});
      } else if (events != 0) {
        watches_[i].done({true, success});
      } else if (watches_[i].deadline <= Clock::now()) {
        watches_[i].done({false, success});
      } else {
        waiting.push_back(std::move(watches_[i]));
      }
    }
    watches_ = std::move(waiting);
  }

  void failAll(Failure failure) {
    for (const Watch& watch : watches_) watch.done({false, failure});
    watches_.clear();
  }

  Fd bell_;
  std::mutex mutex_;
  std::vector<Watch> added_;    // guarded by mutex_
  std::vector<int> ended_;      // guarded by mutex_
  std::vector<Watch> watches_;  // the thread's own
};

// The only one, with its thread, which runs until the process ends.
Outcome<Waiter*> theWaiter() {
  static Waiter* const waiter = new Waiter;
  static const Failure started = waiter->start();
  if (started) return started;
  return waiter;
}

}  // namespace

Outcome<Fd> openEventfd() { return owned(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"); }

Failure whenReadable(int fd, int timeoutMs, std::function<void(Wake)> done) {
  const Outcome<Waiter*> waiter = theWaiter();
  if (waiter.failure) return waiter.failure;
  const auto deadline = timeoutMs < 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(timeoutMs);
  return waiter.value->add({fd, deadline, std::move(done)});
}

Failure endWaits(int fd) {
  const Outcome<Waiter*> waiter = theWaiter();
  return waiter.failure ? waiter.failure : waiter.value->end(fd);
}

}  // namespace host
