// Node-API: promises, and what other threads answer.
#include "napi_env.h"

struct napi_deferred__ {
  JSValue resolve;
  JSValue reject;
};

struct napi_threadsafe_function__ {
  napi_env env;
  void* context;
  napi_threadsafe_function_call_js call;
  napi_finalize finalize;
  void* finalizeData;
};

using engine::at;
using engine::done;
using engine::give;
using engine::inScope;

namespace {

napi_status settle(napi_env env, napi_deferred deferred, JSValueConst function, napi_value value) {
  JSValueConst argument = at(env, value);
  JS_FreeValue(env->context, JS_Call(env->context, function, JS_UNDEFINED, 1, &argument));
  JS_FreeValue(env->context, deferred->resolve);
  JS_FreeValue(env->context, deferred->reject);
  delete deferred;
  return done(env, napi_ok);
}

}  // namespace

extern "C" {

napi_status napi_create_promise(napi_env env, napi_deferred* deferred, napi_value* promise) {
  JSValue functions[2];
  JSValue made = JS_NewPromiseCapability(env->context, functions);
  if (JS_IsException(made)) return done(env, napi_pending_exception);
  *deferred = new napi_deferred__{functions[0], functions[1]};
  return give(env, made, promise);
}

napi_status napi_resolve_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  return settle(env, deferred, deferred->resolve, value);
}

napi_status napi_reject_deferred(napi_env env, napi_deferred deferred, napi_value value) {
  return settle(env, deferred, deferred->reject, value);
}

napi_status napi_create_threadsafe_function(napi_env env, napi_value, napi_value, napi_value, size_t, size_t,
                                            void* finalizeData, napi_finalize finalize, void* context,
                                            napi_threadsafe_function_call_js call, napi_threadsafe_function* result) {
  *result = new napi_threadsafe_function__{env, context, call, finalize, finalizeData};
  env->loop->keep();
  return done(env, napi_ok);
}

napi_status napi_call_threadsafe_function(napi_threadsafe_function function, void* data,
                                          napi_threadsafe_function_call_mode) {
  function->env->loop->post([function, data] {
    inScope(function->env, [&] {
      napi_value nothing = nullptr;
      napi_get_undefined(function->env, &nothing);
      function->call(function->env, nothing, function->context, data);
    });
  });
  return napi_ok;
}

// Each has one holder: it ends with this, after what it has posted.
napi_status napi_release_threadsafe_function(napi_threadsafe_function function, napi_threadsafe_function_release_mode) {
  function->env->loop->post([function] {
    function->env->loop->release();
    if (function->finalize != nullptr) function->finalize(function->env, function->finalizeData, function->context);
    delete function;
  });
  return napi_ok;
}

}  // extern "C"
