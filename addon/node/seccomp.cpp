// Filters of system calls.
#include "../host/seccomp.h"

#include <cstring>

#include "convert.h"
#include "methods.h"

namespace node {
namespace {

std::vector<uint32_t> toU32s(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<uint32_t> numbers;
  for (uint32_t i = 0; i < array.Length(); ++i) numbers.push_back(toU32(array[i]));
  return numbers;
}

std::vector<scmp_arg_cmp> toConditions(const Napi::Value& value) {
  const auto array = value.As<Napi::Array>();
  std::vector<scmp_arg_cmp> conditions;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const auto one = Napi::Value(array[i]).As<Napi::Object>();
    conditions.push_back({toU32(one.Get("index")), static_cast<scmp_compare>(toU32(one.Get("operator"))),
                          toU64(one.Get("value")), toU64(one.Get("valueTwo"))});
  }
  return conditions;
}

host::FilterRequest toRequest(const Napi::Object& asked) {
  const auto rules = asked.Get("rules").As<Napi::Array>();
  host::FilterRequest request{toU32(asked.Get("defaultAction")),
                              toU32s(asked.Get("architectures")),
                              {},
                              toStrings(asked.Get("named")),
                              toBool(asked.Get("binaryTree"))};
  for (uint32_t i = 0; i < rules.Length(); ++i) {
    const auto rule = Napi::Value(rules[i]).As<Napi::Object>();
    request.rules.push_back(
        {toStrings(rule.Get("names")), toU32(rule.Get("action")), toConditions(rule.Get("conditions"))});
  }
  return request;
}

Napi::Array fromStrings(Napi::Env env, const std::vector<std::string>& texts) {
  auto array = Napi::Array::New(env, texts.size());
  for (uint32_t i = 0; i < texts.size(); ++i) array.Set(i, texts[i]);
  return array;
}

Napi::Value refusal(Napi::Env env, const Failure& failure, const host::FilterPlace& place) {
  Napi::Error error = toError(env, failure);
  if (place.rule >= 0) {
    error.Set("rule", Napi::Number::New(env, place.rule));
    error.Set("systemCall", Napi::String::New(env, place.name));
  }
  error.ThrowAsJavaScriptException();
  return env.Undefined();
}

}  // namespace

Napi::Value CompileFilter(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  host::FilterPlace place;
  const auto made = host::compileFilter(toRequest(info[0].As<Napi::Object>()), place);
  if (made.failure) return refusal(env, made.failure, place);
  const host::FilterProgram& program = made.value;
  auto instructions = Napi::Uint8Array::New(env, program.instructions.size());
  std::memcpy(instructions.Data(), program.instructions.data(), program.instructions.size());
  auto newest = Napi::Array::New(env, program.newest.size());
  for (uint32_t i = 0; i < program.newest.size(); ++i) newest.Set(i, program.newest[i]);
  auto answer = Napi::Object::New(env);
  answer.Set("instructions", instructions);
  answer.Set("unknown", fromStrings(env, program.unknown));
  answer.Set("newest", newest);
  return answer;
}

Napi::Value Fingerprint(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), host::fingerprint(toBytes(info[0])));
}

}  // namespace node
