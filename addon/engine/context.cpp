#include "context.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "memory.h"

namespace engine {
namespace {

// A command lives for milliseconds and its heap is some megabytes: looking for garbage earlier costs more than it
// gives.
constexpr size_t firstCollectionBytes = 64 << 20;

// Of the stack, which has 8 MiB as a rule. Deeper recursion (a configuration of nested brackets) throws.
size_t stackBytes() {
  constexpr size_t most = 2 << 20;
  rlimit limit{};
  return ::getrlimit(RLIMIT_STACK, &limit) == 0 ? std::min<size_t>(most, limit.rlim_cur / 2) : most / 2;
}

void print(JSContext* context, JSValueConst value) {
  const char* text = JS_ToCString(context, value);
  if (text != nullptr) std::fprintf(stderr, "%s\n", text);
  JS_FreeCString(context, text);
}

}  // namespace

JSContext* makeContext() {
  JSRuntime* runtime = JS_NewRuntime2(&memoryFunctions, nullptr);
  if (runtime == nullptr) std::abort();
  JS_SetGCThreshold(runtime, firstCollectionBytes);
  JS_SetMaxStackSize(runtime, stackBytes());
  JSContext* context = JS_NewContextRaw(runtime);
  if (context == nullptr) std::abort();
  JS_AddIntrinsicBaseObjects(context);
  JS_AddIntrinsicDate(context);
  JS_AddIntrinsicStringNormalize(context);
  JS_AddIntrinsicRegExpCompiler(context);
  JS_AddIntrinsicRegExp(context);
  JS_AddIntrinsicJSON(context);
  JS_AddIntrinsicProxy(context);
  JS_AddIntrinsicMapSet(context);
  JS_AddIntrinsicTypedArrays(context);
  JS_AddIntrinsicPromise(context);
  JS_AddIntrinsicWeakRef(context);
  return context;
}

void printException(JSContext* context) {
  JSValue exception = JS_GetException(context);
  print(context, exception);
  JSValue stack = JS_IsError(context, exception) ? JS_GetPropertyStr(context, exception, "stack") : JS_UNDEFINED;
  if (JS_IsString(stack)) print(context, stack);
  JS_FreeValue(context, stack);
  JS_FreeValue(context, exception);
}

}  // namespace engine
