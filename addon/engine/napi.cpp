#include "napi.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "loop.h"
#include "values.h"

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

struct napi_ref__ {
  JSValue value;
};

struct napi_deferred__ {
  JSValue resolve;
  JSValue reject;
};

struct napi_callback_info__ {
  JSValueConst self;
  int count;
  JSValueConst* arguments;
  void* data;
};

struct napi_threadsafe_function__ {
  napi_env env;
  void* context;
  napi_threadsafe_function_call_js call;
  napi_finalize finalize;
  void* finalizeData;
};

namespace {

JSValueConst at(napi_env env, napi_value handle) {
  if (handle == nullptr) return JS_UNDEFINED;
  return env->handles[reinterpret_cast<uintptr_t>(handle) - 1];
}

// The handle owns the value until its scope closes.
napi_value handleOf(napi_env env, JSValue value) {
  env->handles.push_back(value);
  return reinterpret_cast<napi_value>(env->handles.size());
}

void closeScope(napi_env env, size_t size) {
  for (; env->handles.size() > size; env->handles.pop_back()) JS_FreeValue(env->context, env->handles.back());
}

napi_status done(napi_env env, napi_status status) {
  env->lastError.error_code = status;
  return status;
}

napi_status give(napi_env env, JSValue value, napi_value* result) {
  if (JS_IsException(value)) return done(env, napi_pending_exception);
  *result = handleOf(env, value);
  return done(env, napi_ok);
}

napi_status outcome(napi_env env, bool good, napi_status otherwise) { return done(env, good ? napi_ok : otherwise); }

// Values made while `run` is called go with its end.
template <class Run>
void inScope(napi_env env, Run run) {
  const size_t size = env->handles.size();
  run();
  closeScope(env, size);
}

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

napi_valuetype typeOf(JSContext* context, JSValueConst value) {
  if (JS_IsUndefined(value)) return napi_undefined;
  if (JS_IsNull(value)) return napi_null;
  if (JS_IsBool(value)) return napi_boolean;
  if (JS_IsNumber(value)) return napi_number;
  if (JS_IsString(value)) return napi_string;
  if (JS_IsSymbol(value)) return napi_symbol;
  if (JS_IsBigInt(context, value)) return napi_bigint;
  return JS_IsFunction(context, value) ? napi_function : napi_object;
}

napi_status makeError(napi_env env, JSValue error, napi_value code, napi_value message, napi_value* result) {
  if (JS_IsException(error)) return done(env, napi_pending_exception);
  constexpr int hidden = JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE;
  JS_DefinePropertyValueStr(env->context, error, "message", JS_DupValue(env->context, at(env, message)), hidden);
  if (code != nullptr) JS_SetPropertyStr(env->context, error, "code", JS_DupValue(env->context, at(env, code)));
  return give(env, error, result);
}

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

// --- primitive values ---

napi_status napi_get_undefined(napi_env env, napi_value* result) { return give(env, JS_UNDEFINED, result); }

napi_status napi_get_boolean(napi_env env, bool value, napi_value* result) {
  return give(env, JS_NewBool(env->context, value), result);
}

napi_status napi_create_double(napi_env env, double value, napi_value* result) {
  return give(env, JS_NewFloat64(env->context, value), result);
}

napi_status napi_create_string_utf8(napi_env env, const char* text, size_t length, napi_value* result) {
  const size_t bytes = length == NAPI_AUTO_LENGTH ? std::strlen(text) : length;
  return give(env, engine::stringOf(env->context, {text, bytes}), result);
}

napi_status napi_typeof(napi_env env, napi_value value, napi_valuetype* result) {
  *result = typeOf(env->context, at(env, value));
  return done(env, napi_ok);
}

napi_status napi_coerce_to_bool(napi_env env, napi_value value, napi_value* result) {
  return give(env, JS_NewBool(env->context, JS_ToBool(env->context, at(env, value)) > 0), result);
}

napi_status napi_coerce_to_number(napi_env env, napi_value value, napi_value* result) {
  double number = 0;
  if (JS_ToFloat64(env->context, &number, at(env, value)) < 0) return done(env, napi_pending_exception);
  return give(env, JS_NewFloat64(env->context, number), result);
}

napi_status napi_get_value_bool(napi_env env, napi_value value, bool* result) {
  if (!JS_IsBool(at(env, value))) return done(env, napi_boolean_expected);
  *result = JS_ToBool(env->context, at(env, value)) > 0;
  return done(env, napi_ok);
}

napi_status napi_get_value_int32(napi_env env, napi_value value, int32_t* result) {
  return outcome(env, JS_ToInt32(env->context, result, at(env, value)) == 0, napi_number_expected);
}

napi_status napi_get_value_uint32(napi_env env, napi_value value, uint32_t* result) {
  return outcome(env, JS_ToUint32(env->context, result, at(env, value)) == 0, napi_number_expected);
}

napi_status napi_get_value_bigint_uint64(napi_env env, napi_value value, uint64_t* result, bool* lossless) {
  int64_t number = 0;  // modulo 2^64: the same bits
  if (JS_ToBigInt64(env->context, &number, at(env, value)) < 0) return done(env, napi_bigint_expected);
  *result = static_cast<uint64_t>(number);
  *lossless = true;
  return done(env, napi_ok);
}

napi_status napi_get_value_string_utf8(napi_env env, napi_value value, char* buffer, size_t size, size_t* result) {
  size_t length = 0;
  const char* text = JS_ToCStringLen(env->context, &length, at(env, value));
  if (text == nullptr) return done(env, napi_pending_exception);
  if (buffer != nullptr && size > 0) {
    length = std::min(length, size - 1);
    std::memcpy(buffer, text, length);
    buffer[length] = '\0';
  }
  JS_FreeCString(env->context, text);
  if (result != nullptr) *result = length;
  return done(env, napi_ok);
}

// --- objects ---

napi_status napi_create_object(napi_env env, napi_value* result) {
  return give(env, JS_NewObject(env->context), result);
}

napi_status napi_create_array_with_length(napi_env env, size_t, napi_value* result) {
  return give(env, JS_NewArray(env->context), result);
}

napi_status napi_set_named_property(napi_env env, napi_value object, const char* name, napi_value value) {
  JSValue copy = JS_DupValue(env->context, at(env, value));
  return outcome(env, JS_SetPropertyStr(env->context, at(env, object), name, copy) >= 0, napi_pending_exception);
}

napi_status napi_get_named_property(napi_env env, napi_value object, const char* name, napi_value* result) {
  return give(env, JS_GetPropertyStr(env->context, at(env, object), name), result);
}

napi_status napi_get_property(napi_env env, napi_value object, napi_value key, napi_value* result) {
  const JSAtom atom = JS_ValueToAtom(env->context, at(env, key));
  JSValue value = JS_GetProperty(env->context, at(env, object), atom);
  JS_FreeAtom(env->context, atom);
  return give(env, value, result);
}

napi_status napi_has_property(napi_env env, napi_value object, napi_value key, bool* result) {
  const JSAtom atom = JS_ValueToAtom(env->context, at(env, key));
  const int has = JS_HasProperty(env->context, at(env, object), atom);
  JS_FreeAtom(env->context, atom);
  *result = has > 0;
  return outcome(env, has >= 0, napi_pending_exception);
}

napi_status napi_define_properties(napi_env env, napi_value object, size_t count,
                                   const napi_property_descriptor* properties) {
  for (size_t i = 0; i < count; ++i) {
    const napi_status status = napi_set_named_property(env, object, properties[i].utf8name, properties[i].value);
    if (status != napi_ok) return status;
  }
  return done(env, napi_ok);
}

napi_status napi_get_array_length(napi_env env, napi_value array, uint32_t* result) {
  const engine::Value length(env->context, JS_GetPropertyStr(env->context, at(env, array), "length"));
  return outcome(env, JS_ToUint32(env->context, result, length.get()) == 0, napi_array_expected);
}

napi_status napi_get_element(napi_env env, napi_value array, uint32_t index, napi_value* result) {
  return give(env, JS_GetPropertyUint32(env->context, at(env, array), index), result);
}

napi_status napi_set_element(napi_env env, napi_value array, uint32_t index, napi_value value) {
  JSValue copy = JS_DupValue(env->context, at(env, value));
  return outcome(env, JS_SetPropertyUint32(env->context, at(env, array), index, copy) >= 0, napi_pending_exception);
}

napi_status napi_create_arraybuffer(napi_env env, size_t size, void** data, napi_value* result) {
  const std::vector<uint8_t> zeros(size);
  const napi_status status = give(env, JS_NewArrayBufferCopy(env->context, zeros.data(), size), result);
  size_t same = 0;
  if (status == napi_ok && data != nullptr) *data = JS_GetArrayBuffer(env->context, &same, at(env, *result));
  return status;
}

napi_status napi_get_arraybuffer_info(napi_env env, napi_value buffer, void** data, size_t* size) {
  size_t bytes = 0;
  uint8_t* memory = JS_GetArrayBuffer(env->context, &bytes, at(env, buffer));
  if (data != nullptr) *data = memory;
  if (size != nullptr) *size = bytes;
  return done(env, napi_ok);
}

// Only of Uint8Array: the one that the addon makes and takes.
napi_status napi_create_typedarray(napi_env env, napi_typedarray_type type, size_t length, napi_value buffer,
                                   size_t offset, napi_value* result) {
  if (type != napi_uint8_array) return done(env, napi_invalid_arg);
  JSValueConst arguments[] = {at(env, buffer), JS_NewInt64(env->context, static_cast<int64_t>(offset)),
                              JS_NewInt64(env->context, static_cast<int64_t>(length))};
  return give(env, JS_NewTypedArray(env->context, 3, arguments, JS_TYPED_ARRAY_UINT8), result);
}

napi_status napi_get_typedarray_info(napi_env env, napi_value array, napi_typedarray_type* type, size_t* length,
                                     void** data, napi_value* buffer, size_t* byteOffset) {
  size_t offset = 0;
  size_t bytes = 0;
  size_t each = 0;
  JSValue memory = JS_GetTypedArrayBuffer(env->context, at(env, array), &offset, &bytes, &each);
  if (JS_IsException(memory)) return done(env, napi_pending_exception);
  size_t whole = 0;
  uint8_t* start = JS_GetArrayBuffer(env->context, &whole, memory);
  if (type != nullptr) *type = napi_uint8_array;
  if (length != nullptr) *length = bytes / each;
  if (data != nullptr) *data = start == nullptr ? nullptr : start + offset;
  if (byteOffset != nullptr) *byteOffset = offset;
  napi_value handle = handleOf(env, memory);
  if (buffer != nullptr) *buffer = handle;
  return done(env, napi_ok);
}

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

// --- promises, and what other threads answer ---

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
