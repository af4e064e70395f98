// Promises that another thread settles.
#pragma once

#include <napi.h>

#include <functional>

#include "../host/outcome.h"

namespace node {

using Answer = std::function<void(Napi::Env, Napi::Promise::Deferred&)>;

void answerFailure(Napi::Env env, Napi::Promise::Deferred& deferred, const Failure& failure);

// `start` gets a function that settles the promise: to be called once, from any thread; the answer itself is made in
// the JS thread. Where start fails, the promise is rejected at once. The process does not end before.
using Settle = std::function<void(Answer)>;
Napi::Promise promiseFrom(Napi::Env env, const std::function<Failure(Settle)>& start);

}  // namespace node
