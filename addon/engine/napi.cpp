#include "napi.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "napi_env.h"

struct napi_ref__ {
  JSValue value;
};

struct napi_callback_info__ {
  JSValueConst self;
  int count;
  JSValueConst* arguments;
  void* data;
};

using engine::at;
using engine::closeScope;
using engine::done;
using engine::give;
using engine::handleOf;
using engine::inScope;

namespace {

JSValue callNative(JSContext* context, JSValueConst self, int count, JSValueConst* arguments, int index, JSValue*) {
  auto* env = static_cast<napi_env>(JS_GetContextOpaque(context));
  const napi_env__::Function function = env->functions[static_cast<size_t>(index)];
  napi_callback_info__ info{self, count, arguments, function.data};
  JSValue result = JS_UNDEFINED;
  inScope(env, [&] {
    const napi_value handle = function.call(env, &info);
    if (handle != nullptr) result = JS_DupValue(context, at(env, handle));
  });
  if (!JS_HasException(context)) return result;
  JS_FreeValue(context, result);
  return JS_EXCEPTION;
}

napi_status makeError(napi_env env, JSValue error, napi_value code, napi_value message, napi_value* result) {
  if (JS_IsException(error)) return done(env, napi_pending_exception);
  constexpr int hidden = JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE;
  JS_DefinePropertyValueStr(env->context, error, "message", JS_DupValue(env->context, at(env, message)), hidden);
  if (code != nullptr) JS_SetPropertyStr(env->context, error, "code", JS_DupValue(env->context, at(env, code)));
  return give(env, error, result);
}

}  // namespace

extern "C" {

// --- scopes: those of C++ code inside a call end with the call ---

napi_status napi_open_handle_scope(napi_env env, napi_handle_scope* result) {
  *result = reinterpret_cast<napi_handle_scope>(env->handles.size() + 1);
  return done(env, napi_ok);
}

napi_status napi_close_handle_scope(napi_env env, napi_handle_scope scope) {
  closeScope(env, reinterpret_cast<uintptr_t>(scope) - 1);
  return done(env, napi_ok);
}

// What escapes stays in the scope of the call: nothing is closed before.
napi_status napi_open_escapable_handle_scope(napi_env env, napi_escapable_handle_scope* result) {
  *result = reinterpret_cast<napi_escapable_handle_scope>(env->handles.size() + 1);
  return done(env, napi_ok);
}

napi_status napi_close_escapable_handle_scope(napi_env env, napi_escapable_handle_scope) { return done(env, napi_ok); }

napi_status napi_escape_handle(napi_env env, napi_escapable_handle_scope, napi_value escapee, napi_value* result) {
  *result = escapee;
  return done(env, napi_ok);
}

napi_status napi_close_callback_scope(napi_env env, napi_callback_scope) { return done(env, napi_ok); }

napi_status napi_async_destroy(napi_env env, napi_async_context) { return done(env, napi_ok); }

// --- functions ---

napi_status napi_create_function(napi_env env, const char*, size_t, napi_callback call, void* data,
                                 napi_value* result) {
  env->functions.push_back({call, data});
  const int index = static_cast<int>(env->functions.size() - 1);
  return give(env, JS_NewCFunctionData(env->context, callNative, 0, index, 0, nullptr), result);
}

napi_status napi_get_cb_info(napi_env env, napi_callback_info info, size_t* count, napi_value* arguments,
                             napi_value* self, void** data) {
  if (count != nullptr) {
    for (size_t i = 0; arguments != nullptr && i < *count; ++i) {
      JSValueConst value = i < static_cast<size_t>(info->count) ? info->arguments[i] : JS_UNDEFINED;
      arguments[i] = handleOf(env, JS_DupValue(env->context, value));
    }
    *count = static_cast<size_t>(info->count);
  }
  if (self != nullptr) *self = handleOf(env, JS_DupValue(env->context, info->self));
  if (data != nullptr) *data = info->data;
  return done(env, napi_ok);
}

napi_status napi_call_function(napi_env env, napi_value self, napi_value function, size_t count,
                               const napi_value* arguments, napi_value* result) {
  std::vector<JSValueConst> values;
  for (size_t i = 0; i < count; ++i) values.push_back(at(env, arguments[i]));
  napi_value ignored = nullptr;
  return give(env, JS_Call(env->context, at(env, function), at(env, self), static_cast<int>(count), values.data()),
              result == nullptr ? &ignored : result);
}

napi_status napi_add_finalizer(napi_env env, napi_value, void*, napi_finalize, void*, napi_ref* result) {
  if (result != nullptr) *result = nullptr;
  return done(env, napi_ok);
}

napi_status napi_create_reference(napi_env env, napi_value value, uint32_t, napi_ref* result) {
  *result = new napi_ref__{JS_DupValue(env->context, at(env, value))};
  return done(env, napi_ok);
}

napi_status napi_delete_reference(napi_env env, napi_ref reference) {
  JS_FreeValue(env->context, reference->value);
  delete reference;
  return done(env, napi_ok);
}

napi_status napi_get_reference_value(napi_env env, napi_ref reference, napi_value* result) {
  return give(env, JS_DupValue(env->context, reference->value), result);
}

// --- errors ---

napi_status napi_create_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return makeError(env, JS_NewError(env->context), code, message, result);
}

// The addon itself makes none; node-addon-api does where it meets an object that is none.
napi_status napi_create_type_error(napi_env env, napi_value code, napi_value message, napi_value* result) {
  return napi_create_error(env, code, message, result);
}

napi_status napi_throw(napi_env env, napi_value error) {
  JS_Throw(env->context, JS_DupValue(env->context, at(env, error)));
  return done(env, napi_ok);
}

napi_status napi_is_exception_pending(napi_env env, bool* result) {
  *result = JS_HasException(env->context) != 0;
  return napi_ok;
}

napi_status napi_get_and_clear_last_exception(napi_env env, napi_value* result) {
  *result = handleOf(env, JS_GetException(env->context));
  return done(env, napi_ok);
}

napi_status napi_get_last_error_info(napi_env env, const napi_extended_error_info** result) {
  *result = &env->lastError;
  return napi_ok;
}

void napi_fatal_error(const char* location, size_t, const char* message, size_t) {
  std::fprintf(stderr, "tsrunc: %s: %s\n", location, message);
  std::abort();
}

napi_value napi_register_module_v1(napi_env env, napi_value exports);

}  // extern "C"

namespace engine {

napi_env makeEnvironment(JSContext* context, Loop& loop) {
  auto* env = new napi_env__{.context = context, .loop = &loop, .handles = {}, .functions = {}};
  env->handles.reserve(64);
  JS_SetContextOpaque(context, env);
  return env;
}

JSValue exportsOf(napi_env env) {
  JSValue result = JS_UNDEFINED;
  inScope(env, [&] {
    const napi_value exports = napi_register_module_v1(env, handleOf(env, JS_NewObject(env->context)));
    result = JS_DupValue(env->context, at(env, exports));
  });
  return result;
}

}  // namespace engine
