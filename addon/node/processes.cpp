// spawn, pidfds, the monitor.
#include "../host/handover.h"
#include "../host/pidfd.h"
#include "../host/spawn.h"
#include "convert.h"
#include "methods.h"

namespace node {

Napi::Value Spawn(const Napi::CallbackInfo& info) {
  const auto request = info[0].As<Napi::Object>();
  std::vector<int> fds = toInts(request.Get("stdio"));
  const std::vector<int> extra = toInts(request.Get("extraFds"));
  fds.insert(fds.end(), extra.begin(), extra.end());
  host::Outcome<host::Spawned> made =
      host::spawn({toU32(request.Get("cloneFlags")), toInt(request.Get("cgroupFd")), fds});
  if (made.failure) return finish(info.Env(), made.failure);
  auto answer = Napi::Object::New(info.Env());
  answer.Set("pid", made.value.pid);
  answer.Set("pidfd", made.value.pidfd.release());
  answer.Set("socket", made.value.socket.release());
  return answer;
}

Napi::Value PidfdOpen(const Napi::CallbackInfo& info) { return finish(info.Env(), host::openProcess(toInt(info[0]))); }

Napi::Value PidfdSendSignal(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::signalProcess(toInt(info[0]), toInt(info[1])));
}

Napi::Value Reap(const Napi::CallbackInfo& info) {
  const host::Outcome<host::Exit> end = host::reap(toInt(info[0]));
  if (end.failure || !end.value.ended) return finish(info.Env(), end.failure);
  auto answer = Napi::Object::New(info.Env());
  answer.Set("code", end.value.code);
  answer.Set("signaled", end.value.signaled);
  return answer;
}

Napi::Value SetChildSubreaper(const Napi::CallbackInfo& info) { return finish(info.Env(), host::becomeSubreaper()); }

Napi::Value SetProcessLimit(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::limitProcess(toInt(info[0]), toInt(info[1]), toU64(info[2]), toU64(info[3])));
}

Napi::Value KeepSignals(const Napi::CallbackInfo& info) {
  host::keepSignals();
  return info.Env().Undefined();
}

Napi::Value BecomeMonitor(const Napi::CallbackInfo& info) {
  return finish(info.Env(), host::becomeMonitor(toBytes(info[0]), toInts(info[1])));
}

}  // namespace node
