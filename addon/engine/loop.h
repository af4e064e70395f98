// The event loop: microtasks, timers, and what other threads post.
#pragma once

#include <quickjs.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "../sys/fd.h"

namespace engine {

class Loop {
 public:
  explicit Loop(JSContext* context);

  // Run `task` in the loop's thread. From any thread.
  void post(std::function<void()> task);

  // As long as somebody keeps the loop, it waits for posts.
  void keep() { ++kept_; }
  void release() { --kept_; }

  // setTimeout: calls `callback`, whose reference becomes the loop's. Returns an id that is never 0.
  uint32_t startTimer(JSValue callback, double milliseconds);
  void stopTimer(uint32_t id);

  // Until nothing is left to wait for, or a microtask or callback has thrown, or a promise was rejected that nobody
  // listens to: then false, the exception is the context's.
  bool run();

 private:
  struct Timer {
    uint32_t id;
    int64_t dueNs;
    JSValue callback;
  };

  static void noteRejection(JSContext* context, JSValueConst promise, JSValueConst reason, JS_BOOL handled, void* loop);
  bool throwUnheard();
  bool runJobs();
  bool runPosted();
  bool runTimers();
  int millisecondsToNext() const;
  void wait();

  JSContext* context_;
  Fd wake_;  // made when somebody posts or waits first: most commands never do
  std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  std::vector<Timer> timers_;
  std::vector<JSValue> unheard_;  // rejected promises, while nobody listens to them
  uint32_t lastTimer_ = 0;
  int kept_ = 0;
};

// The one that runs this context.
Loop& loopOf(JSContext* context);

}  // namespace engine
