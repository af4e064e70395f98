// The conversation, and all that takes time: nothing here blocks the event loop for longer than `patienceMs`.
#include <pthread.h>

#include <algorithm>
#include <memory>

#include "../host/clone.h"
#include "../host/conversation.h"
#include "../host/datagram.h"
#include "../host/lock.h"
#include "../host/program.h"
#include "../host/waiter.h"
#include "convert.h"
#include "methods.h"
#include "promise.h"

namespace node {
namespace {

// First we wait in the JS thread itself: the helper answers within this time as a rule, and the way over another thread
// costs more than the answer. It is short enough for a process that serves many containers.
constexpr int patienceMs = 10;

int atOnce(int timeoutMs) { return timeoutMs < 0 ? patienceMs : std::min(timeoutMs, patienceMs); }
int afterwards(int timeoutMs) { return timeoutMs < 0 ? -1 : timeoutMs - atOnce(timeoutMs); }

// A promise of `answer`, which is made when fd is readable or time is up.
Napi::Promise promiseOfWake(Napi::Env env, int fd, int timeoutMs,
                            const std::function<void(Napi::Env, Napi::Promise::Deferred&, host::Wake)>& answer) {
  const int ready = host::waitReadable(fd, atOnce(timeoutMs));
  const bool failed = ready < 0 && errno != EINTR;
  if (failed || ready > 0 || afterwards(timeoutMs) == 0) {
    const host::Wake wake{ready > 0, failed ? Failure{errno, "poll"} : success};
    auto deferred = Napi::Promise::Deferred::New(env);
    answer(env, deferred, wake);
    return deferred.Promise();
  }
  return promiseFrom(env, [&](const Settle& settle) {
    return host::whenReadable(fd, afterwards(timeoutMs), [settle, answer](host::Wake wake) {
      settle([answer, wake](Napi::Env e, Napi::Promise::Deferred& deferred) { answer(e, deferred, wake); });
    });
  });
}

const char* kindName(host::MessageKind kind) {
  switch (kind) {
    case host::MessageKind::ask:
      return "ask";
    case host::MessageKind::forked:
      return "forked";
    case host::MessageKind::console:
      return "console";
    case host::MessageKind::notify:
      return "notify";
    case host::MessageKind::ready:
      return "ready";
    case host::MessageKind::failed:
      return "failed";
    case host::MessageKind::closed:
      break;
  }
  return "closed";
}

Napi::Object toObject(Napi::Env env, host::Message message) {
  auto object = Napi::Object::New(env);
  object.Set("kind", kindName(message.kind));
  switch (message.kind) {
    case host::MessageKind::ask:
      object.Set("question", Napi::Number::New(env, message.value));
      break;
    case host::MessageKind::forked:
      object.Set("pid", message.pid);
      object.Set("pidfd", message.fd.release());
      break;
    case host::MessageKind::console:
    case host::MessageKind::notify:
      object.Set("fd", message.fd.release());
      break;
    case host::MessageKind::failed:
      object.Set("step", Napi::Number::New(env, message.value));
      object.Set("errno", message.err);
      object.Set("call", message.call);
      object.Set("detail", message.detail);
      break;
    case host::MessageKind::closed:
      object.Set("unread", message.unread);
      break;
    case host::MessageKind::ready:
      break;
  }
  return object;
}

void answerMessage(Napi::Env env, Napi::Promise::Deferred& deferred, int socket, host::Wake wake) {
  if (wake.failure) return answerFailure(env, deferred, wake.failure);
  if (!wake.readable) return answerFailure(env, deferred, {ETIMEDOUT, "recvmsg"});
  host::Outcome<host::Message> message = host::takeMessage(socket);
  if (message.failure) return answerFailure(env, deferred, message.failure);
  deferred.Resolve(toObject(env, std::move(message.value)));
}

void answerDatagram(Napi::Env env, Napi::Promise::Deferred& deferred, int socket, host::Wake wake) {
  if (wake.failure) return answerFailure(env, deferred, wake.failure);
  if (!wake.readable) return answerFailure(env, deferred, {ETIMEDOUT, "recvmsg"});
  host::Outcome<host::Datagram> taken = host::takeDatagram(socket);
  if (taken.failure) return answerFailure(env, deferred, taken.failure);
  const std::vector<uint8_t>& bytes = taken.value.bytes;
  auto content = Napi::Uint8Array::New(env, bytes.size());
  std::copy(bytes.begin(), bytes.end(), content.Data());
  auto object = Napi::Object::New(env);
  object.Set("bytes", content);
  object.Set("fd", taken.value.fd.release());
  deferred.Resolve(object);
}

void answerBool(Napi::Env env, Napi::Promise::Deferred& deferred, const host::Outcome<bool>& taken) {
  if (taken.failure) return answerFailure(env, deferred, taken.failure);
  deferred.Resolve(Napi::Boolean::New(env, taken.value));
}

void answerEnd(Napi::Env env, Napi::Promise::Deferred& deferred, const host::ProgramEnd& end) {
  if (end.failure) return answerFailure(env, deferred, end.failure);
  auto answer = Napi::Object::New(env);
  answer.Set("code", end.code);
  answer.Set("signaled", end.signaled);
  answer.Set("timedOut", end.timedOut);
  answer.Set("stdout", end.output);
  answer.Set("stderr", end.complaint);
  deferred.Resolve(answer);
}

struct LockWait {
  int fd;
  int timeoutMs;
  Settle settle;
};

void* waitInThread(void* context) {
  const std::unique_ptr<LockWait> wait(static_cast<LockWait*>(context));
  const host::Outcome<bool> taken = host::waitForLock(wait->fd, wait->timeoutMs);
  wait->settle([taken](Napi::Env env, Napi::Promise::Deferred& deferred) { answerBool(env, deferred, taken); });
  return nullptr;
}

Failure startLockThread(std::unique_ptr<LockWait> wait) {
  const host::AllSignalsBlocked inherited;  // signals are for the engine's threads
  pthread_t thread;
  const int err = ::pthread_create(&thread, nullptr, waitInThread, wait.get());
  if (err != 0) return Failure{err, "pthread_create"};
  static_cast<void>(wait.release());            // the thread's from here on
  static_cast<void>(::pthread_detach(thread));  // cannot fail: it has just been made and nobody else knows it
  return success;
}

}  // namespace

Napi::Value SendPart(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::sendPart(toInt(info[0]), toBytes(info[1]), toInts(info[2])));
}

Napi::Value SendGo(const Napi::CallbackInfo& info) { return finish(info.Env(), host::sendGo(toInt(info[0]))); }

Napi::Value Receive(const Napi::CallbackInfo& info) {
  const int socket = toInt(info[0]);
  return promiseOfWake(info.Env(), socket, toInt(info[1]),
                       [socket](Napi::Env env, Napi::Promise::Deferred& deferred, host::Wake wake) {
                         answerMessage(env, deferred, socket, wake);
                       });
}

Napi::Value DatagramPair(const Napi::CallbackInfo& info) {
  host::Outcome<host::SocketPair> pair = host::datagramPair();
  if (pair.failure) return finish(info.Env(), pair.failure);
  auto object = Napi::Object::New(info.Env());
  object.Set("ours", pair.value.ours.release());
  object.Set("theirs", pair.value.theirs.release());
  return object;
}

Napi::Value SendDatagram(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::sendDatagram(toInt(info[0]), toBytes(info[1])));
}

Napi::Value ReceiveDatagram(const Napi::CallbackInfo& info) {
  const int socket = toInt(info[0]);
  return promiseOfWake(info.Env(), socket, toInt(info[1]),
                       [socket](Napi::Env env, Napi::Promise::Deferred& deferred, host::Wake wake) {
                         answerDatagram(env, deferred, socket, wake);
                       });
}

Napi::Value WaitReadable(const Napi::CallbackInfo& info) {
  return promiseOfWake(info.Env(), toInt(info[0]), toInt(info[1]),
                       [](Napi::Env env, Napi::Promise::Deferred& deferred, host::Wake wake) {
                         answerBool(env, deferred, wake.failure ? host::Outcome<bool>(wake.failure) : wake.readable);
                       });
}

Napi::Value EndWaits(const Napi::CallbackInfo& info) { return finish(info.Env(), host::endWaits(toInt(info[0]))); }

Napi::Value OpenEventfd(const Napi::CallbackInfo& info) { return finish(info.Env(), host::openEventfd()); }

Napi::Value RunProgram(const Napi::CallbackInfo& info) {
  const auto asked = info[0].As<Napi::Object>();
  host::ProgramRequest request{.path = toString(asked.Get("path")),
                               .argv = toStrings(asked.Get("argv")),
                               .env = toStrings(asked.Get("env")),
                               .cwd = toString(asked.Get("cwd")),
                               .input = toString(asked.Get("input")),
                               .timeoutMs = toInt(asked.Get("timeoutMs")),
                               .mostOutput = toU32(asked.Get("mostOutput")),
                               .mostComplaint = toU32(asked.Get("mostComplaint"))};
  return promiseFrom(info.Env(), [&request](const Settle& settle) {
    return host::runProgram(std::move(request), [settle](const host::ProgramEnd& end) {
      settle([end](Napi::Env env, Napi::Promise::Deferred& deferred) { answerEnd(env, deferred, end); });
    });
  });
}

Napi::Value Lock(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = toInt(info[0]);
  const int timeoutMs = toInt(info[1]);
  const host::Outcome<bool> taken = host::tryLock(fd);
  if (taken.failure || taken.value || timeoutMs == 0) {
    auto deferred = Napi::Promise::Deferred::New(env);
    answerBool(env, deferred, taken);
    return deferred.Promise();
  }
  return promiseFrom(env, [fd, timeoutMs](Settle settle) {
    return startLockThread(std::make_unique<LockWait>(LockWait{fd, timeoutMs, std::move(settle)}));
  });
}

}  // namespace node
