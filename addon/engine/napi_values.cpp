// Node-API: values and objects.
#include <algorithm>
#include <cstring>

#include "calls.h"
#include "napi_env.h"
#include "values.h"

using engine::at;
using engine::done;
using engine::give;
using engine::handleOf;
using engine::outcome;

namespace {

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

}  // namespace

extern "C" {

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
  const char* text = engine::utf8Of(env->context, at(env, value), &length);
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

}  // extern "C"
