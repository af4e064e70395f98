#include "convert.h"

#include <cstring>

namespace node {

int toInt(const Napi::Value& value) { return value.ToNumber().Int32Value(); }

uint32_t toU32(const Napi::Value& value) { return value.ToNumber().Uint32Value(); }

uint64_t toU64(const Napi::Value& value) {
  bool lossless = false;
  return value.IsBigInt() ? value.As<Napi::BigInt>().Uint64Value(&lossless) : 0;
}

bool toBool(const Napi::Value& value) { return value.ToBoolean().Value(); }

std::string toString(const Napi::Value& value) { return value.IsString() ? value.As<Napi::String>().Utf8Value() : ""; }

std::vector<int> toInts(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<int> numbers(array.Length());
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = toInt(array[i]);
  return numbers;
}

std::vector<std::string> toStrings(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<std::string> texts;
  for (uint32_t i = 0; i < array.Length(); ++i) texts.push_back(toString(array[i]));
  return texts;
}

std::span<const uint8_t> toBytes(const Napi::Value& value) {
  const auto array = value.As<Napi::Uint8Array>();
  return {array.Data(), array.ByteLength()};
}

std::vector<host::IdMap> toIdMaps(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<host::IdMap> maps;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto entry = Napi::Value(array[i]).As<Napi::Object>();
    maps.push_back({toU32(entry.Get("containerId")), toU32(entry.Get("hostId")), toU32(entry.Get("size"))});
  }
  return maps;
}

Napi::Error toError(Napi::Env env, const Failure& failure) {
  const char* name = ::strerrorname_np(failure.err);
  const std::string code = name == nullptr ? "E" + std::to_string(failure.err) : name;
  Napi::Error error = Napi::Error::New(env, std::string(failure.call) + ": " + code);
  error.Set("errno", Napi::Number::New(env, failure.err));
  error.Set("code", Napi::String::New(env, code));
  error.Set("syscall", Napi::String::New(env, failure.call));
  return error;
}

Napi::Value finish(Napi::Env env, const Failure& failure) {
  if (failure) toError(env, failure).ThrowAsJavaScriptException();
  return env.Undefined();
}

Napi::Value finish(Napi::Env env, host::Outcome<Fd> outcome) {
  if (outcome.failure) return finish(env, outcome.failure);
  return Napi::Number::New(env, outcome.value.release());
}

}  // namespace node
