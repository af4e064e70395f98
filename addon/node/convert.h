// JavaScript values to plain structs and back. Beyond this folder nobody knows of N-API.
#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "../host/outcome.h"
#include "../host/tree.h"

namespace node {

// A value of the wrong type is a fault of our own TypeScript, which the compiler rules out; it becomes 0 or "".
int toInt(const Napi::Value& value);
uint32_t toU32(const Napi::Value& value);
uint64_t toU64(const Napi::Value& value);
bool toBool(const Napi::Value& value);
std::string toString(const Napi::Value& value);
std::vector<int> toInts(const Napi::Value& value);
std::vector<std::string> toStrings(const Napi::Value& value);
// A view of the array's memory, good until the call returns.
std::span<const uint8_t> toBytes(const Napi::Value& value);
std::vector<host::IdMap> toIdMaps(const Napi::Value& value);

// The SystemCallError of src/native/native.ts.
Napi::Error toError(Napi::Env env, const Failure& failure);

// undefined, after throwing where there was a failure.
Napi::Value finish(Napi::Env env, const Failure& failure);
Napi::Value finish(Napi::Env env, host::Outcome<Fd> outcome);

}  // namespace node
