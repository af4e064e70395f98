#include "loop.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <algorithm>
#include <cstdlib>

namespace engine {
namespace {

constexpr int64_t nsPerMs = 1'000'000;

int64_t nowNs() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1'000'000'000LL + time.tv_nsec;
}

}  // namespace

Loop::Loop(JSContext* context) : context_(context), wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_.valid()) std::abort();  // no descriptor left at the start of the process
  JS_SetHostPromiseRejectionTracker(JS_GetRuntime(context), noteRejection, this);
}

void Loop::post(std::function<void()> task) {
  {
    const std::lock_guard lock(mutex_);
    posted_.push_back(std::move(task));
  }
  ::eventfd_write(wake_.get(), 1);  // full only when it wakes already
}

uint32_t Loop::startTimer(JSValue callback, double milliseconds) {
  // NaN and negative count as none, as in browsers.
  const double delay = milliseconds > 0 ? milliseconds : 0;
  timers_.push_back({++lastTimer_, nowNs() + static_cast<int64_t>(delay * nsPerMs), callback});
  return lastTimer_;
}

void Loop::stopTimer(uint32_t id) {
  const auto timer = std::ranges::find(timers_, id, &Timer::id);
  if (timer == timers_.end()) return;
  JS_FreeValue(context_, timer->callback);
  timers_.erase(timer);
}

// Called when a promise is rejected, and again when somebody comes to listen.
void Loop::noteRejection(JSContext* context, JSValueConst promise, JSValueConst, JS_BOOL handled, void* loop) {
  std::vector<JSValue>& unheard = static_cast<Loop*>(loop)->unheard_;
  if (!handled) return unheard.push_back(JS_DupValue(context, promise));
  const auto same = [&](JSValueConst other) { return JS_VALUE_GET_PTR(other) == JS_VALUE_GET_PTR(promise); };
  const auto known = std::ranges::find_if(unheard, same);
  if (known == unheard.end()) return;
  JS_FreeValue(context, *known);
  unheard.erase(known);
}

// True when there is none.
bool Loop::throwUnheard() {
  if (unheard_.empty()) return true;
  JS_Throw(context_, JS_PromiseResult(context_, unheard_.front()));
  return false;
}

bool Loop::runJobs() {
  JSContext* ran = nullptr;
  for (;;) {
    const int more = JS_ExecutePendingJob(JS_GetRuntime(context_), &ran);
    if (more < 0) return false;
    if (more == 0) return throwUnheard();
  }
}

bool Loop::runPosted() {
  for (;;) {
    std::function<void()> task;
    {
      const std::lock_guard lock(mutex_);
      if (posted_.empty()) return true;
      task = std::move(posted_.front());
      posted_.pop_front();
    }
    task();
    if (JS_HasException(context_) || !runJobs()) return false;
  }
}

bool Loop::runTimers() {
  const int64_t now = nowNs();
  for (;;) {
    const auto next = std::ranges::min_element(timers_, {}, &Timer::dueNs);
    if (next == timers_.end() || next->dueNs > now) return true;
    JSValue callback = next->callback;
    timers_.erase(next);
    JSValue result = JS_Call(context_, callback, JS_UNDEFINED, 0, nullptr);
    JS_FreeValue(context_, callback);
    if (JS_IsException(result)) return false;
    JS_FreeValue(context_, result);
    if (!runJobs()) return false;
  }
}

int Loop::millisecondsToNext() const {
  const auto next = std::ranges::min_element(timers_, {}, &Timer::dueNs);
  if (next == timers_.end()) return -1;
  return static_cast<int>(std::clamp<int64_t>((next->dueNs - nowNs() + nsPerMs - 1) / nsPerMs, 0, 60'000));
}

void Loop::wait() {
  pollfd entry{wake_.get(), POLLIN, 0};
  ::poll(&entry, 1, millisecondsToNext());  // a signal is one more reason to look
  eventfd_t count = 0;
  ::eventfd_read(wake_.get(), &count);
}

bool Loop::run() {
  for (;;) {
    if (!runJobs() || !runPosted() || !runTimers()) return false;
    if (kept_ == 0 && timers_.empty()) return true;
    wait();
  }
}

}  // namespace engine
