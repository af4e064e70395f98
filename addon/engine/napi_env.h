// What the parts of Node-API share: the environment and its stack of handles.
#pragma once

#include <node_api.h>
#include <quickjs.h>

#include <vector>

#include "loop.h"

struct napi_env__ {
  struct Function {
    napi_callback call;
    void* data;
  };

  JSContext* context;
  engine::Loop* loop;
  std::vector<JSValue> handles;
  std::vector<Function> functions;
  napi_extended_error_info lastError{};
};

namespace engine {

inline JSValueConst at(napi_env env, napi_value handle) {
  if (handle == nullptr) return JS_UNDEFINED;
  return env->handles[reinterpret_cast<uintptr_t>(handle) - 1];
}

// The handle owns the value until its scope closes.
inline napi_value handleOf(napi_env env, JSValue value) {
  env->handles.push_back(value);
  return reinterpret_cast<napi_value>(env->handles.size());
}

inline void closeScope(napi_env env, size_t size) {
  for (; env->handles.size() > size; env->handles.pop_back()) JS_FreeValue(env->context, env->handles.back());
}

inline napi_status done(napi_env env, napi_status status) {
  env->lastError.error_code = status;
  return status;
}

inline napi_status give(napi_env env, JSValue value, napi_value* result) {
  if (JS_IsException(value)) return done(env, napi_pending_exception);
  *result = handleOf(env, value);
  return done(env, napi_ok);
}

inline napi_status outcome(napi_env env, bool good, napi_status otherwise) {
  return done(env, good ? napi_ok : otherwise);
}

// Values made while `run` is called go with its end.
template <class Run>
void inScope(napi_env env, Run run) {
  const size_t size = env->handles.size();
  run();
  closeScope(env, size);
}

}  // namespace engine
