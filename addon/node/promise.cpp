#include "promise.h"

#include "convert.h"

namespace node {
namespace {

struct Pending;
void settleInJs(Napi::Env env, Napi::Function, Pending* pending, Answer* answer);
using Channel = Napi::TypedThreadSafeFunction<Pending, Answer, settleInJs>;

struct Pending {
  Napi::Promise::Deferred deferred;
  Channel channel;
};

// Called in the JS thread; with a null env when the engine is shutting down and nobody is left to hear the answer.
void settleInJs(Napi::Env env, Napi::Function, Pending* pending, Answer* answer) {
  if (static_cast<napi_env>(env) != nullptr) {
    const Napi::HandleScope scope(env);
    (*answer)(env, pending->deferred);
  }
  delete answer;
}

void destroy(Napi::Env, void*, Pending* pending) { delete pending; }

}  // namespace

void answerFailure(Napi::Env env, Napi::Promise::Deferred& deferred, const Failure& failure) {
  deferred.Reject(toError(env, failure).Value());
}

Napi::Promise promiseFrom(Napi::Env env, const std::function<Failure(Settle)>& start) {
  auto* pending = new Pending{Napi::Promise::Deferred::New(env), Channel()};
  const Napi::Promise promise = pending->deferred.Promise();
  pending->channel = Channel::New(env, "tsrunc wait", 0, 1, pending, destroy, static_cast<void*>(nullptr));
  const Channel channel = pending->channel;
  const Failure failure = start([channel](Answer answer) {
    auto* carried = new Answer(std::move(answer));
    if (channel.NonBlockingCall(carried) != napi_ok) delete carried;
    static_cast<void>(channel.Release());
  });
  if (failure) {
    answerFailure(env, pending->deferred, failure);
    static_cast<void>(channel.Release());
  }
  return promise;
}

}  // namespace node
