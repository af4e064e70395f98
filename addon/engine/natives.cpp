#include "natives.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <string>
#include <vector>

#include "calls.h"
#include "files.h"
#include "loop.h"
#include "net.h"
#include "values.h"

extern "C" char** environ;

namespace engine {
namespace {

#if defined(__x86_64__)
constexpr const char* machine = "x64";
#elif defined(__aarch64__)
constexpr const char* machine = "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
constexpr const char* machine = "riscv64";
#else
#error "src/seccomp knows machines by the names of Node.js: add this one"
#endif

JSValue startTimer(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  double milliseconds = 0;
  JS_ToFloat64(context, &milliseconds, arguments[1]);
  return JS_NewUint32(context, loopOf(context).startTimer(JS_DupValue(context, arguments[0]), milliseconds));
}

JSValue stopTimer(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  loopOf(context).stopTimer(static_cast<uint32_t>(intOf(context, arguments[0])));
  return JS_UNDEFINED;
}

JSValue milliseconds(JSContext* context, JSValueConst, int, JSValueConst*) {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return JS_NewFloat64(context, static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6);
}

JSValue encodeUtf8(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text text(context, arguments[0]);
  if (text.get() == nullptr) return JS_EXCEPTION;
  return JS_NewArrayBufferCopy(context, reinterpret_cast<const uint8_t*>(text.get()), text.size());
}

// Part of an ArrayBuffer: three arguments, buffer, offset and length.
struct Bytes {
  const uint8_t* data = nullptr;
  size_t size = 0;

  Bytes(JSContext* context, JSValueConst* arguments) {
    size_t whole = 0;
    const uint8_t* start = JS_GetArrayBuffer(context, &whole, arguments[0]);
    const auto offset = static_cast<size_t>(intOf(context, arguments[1]));
    const auto length = static_cast<size_t>(intOf(context, arguments[2]));
    if (start == nullptr || offset > whole || length > whole - offset) return;
    data = start + offset;
    size = length;
  }

  std::string_view view() const { return {reinterpret_cast<const char*>(data), size}; }
};

// encodeAt(string, buffer, offset): the bytes written.
JSValue encodeAt(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text text(context, arguments[0]);
  size_t whole = 0;
  uint8_t* start = JS_GetArrayBuffer(context, &whole, arguments[1]);
  const auto offset = static_cast<size_t>(intOf(context, arguments[2]));
  if (text.get() == nullptr || start == nullptr) return JS_EXCEPTION;
  if (offset > whole || text.size() > whole - offset) return JS_ThrowRangeError(context, "no room for the text");
  std::memcpy(start + offset, text.get(), text.size());
  return JS_NewInt64(context, static_cast<int64_t>(text.size()));
}

JSValue decodeUtf8(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Bytes bytes(context, arguments);
  return stringOf(context, bytes.view());
}

JSValue validUtf8(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return JS_NewBool(context, isUtf8(Bytes(context, arguments).view()));
}

JSValue randomBytes(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  uint8_t bytes[256];
  const auto length = static_cast<size_t>(intOf(context, arguments[0]));
  // Up to 256 bytes come whole (getrandom(2)).
  if (length > sizeof bytes) return throwErrno(context, EINVAL, "getrandom");
  if (::getrandom(bytes, length, 0) < 0) return throwErrno(context, errno, "getrandom");
  return JS_NewArrayBufferCopy(context, bytes, length);
}

// load(name): what import() does, of a module of this executable.
JSValue loadModule(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const Text name(context, arguments[0]);
  return name.get() == nullptr ? JS_EXCEPTION : JS_LoadModule(context, "", name.get());
}

JSValue workingDirectory(JSContext* context, JSValueConst, int, JSValueConst*) {
  char path[PATH_MAX];
  if (::getcwd(path, sizeof path) == nullptr) return throwErrno(context, errno, "getcwd");
  return stringOf(context, path);
}

JSValue errnoName(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  const char* name = ::strerrorname_np(intOf(context, arguments[0]));
  return name == nullptr ? JS_UNDEFINED : JS_NewString(context, name);
}

JSValue sendSignal(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  return outcomeOf(context, ::kill(intOf(context, arguments[0]), intOf(context, arguments[1])), "kill");
}

// At once, without running what the C++ library has for the end of a program.
JSValue endProcess(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  ::_exit(intOf(context, arguments[0]));
}

// Of the terminal that a descriptor is; 0 when it is none, or does not know.
JSValue columnsOf(JSContext* context, JSValueConst, int, JSValueConst* arguments) {
  winsize size{};
  const bool known = ::ioctl(intOf(context, arguments[0]), TIOCGWINSZ, &size) == 0;
  return JS_NewInt32(context, known ? size.ws_col : 0);
}

constexpr NativeFunction functions[] = {
    {"startTimer", 2, startTimer}, {"stopTimer", 1, stopTimer},  {"milliseconds", 0, milliseconds},
    {"encodeUtf8", 1, encodeUtf8}, {"encodeAt", 3, encodeAt},    {"decodeUtf8", 3, decodeUtf8},
    {"validUtf8", 3, validUtf8},   {"cwd", 0, workingDirectory}, {"kill", 2, sendSignal},
    {"exit", 1, endProcess},       {"columns", 1, columnsOf},    {"errnoName", 1, errnoName},
    {"random", 1, randomBytes},    {"load", 1, loadModule},
};

JSValue wordsOf(JSContext* context, char** words, int count) {
  JSValue array = JS_NewArray(context);
  for (int i = 0; i < count; ++i) {
    JS_SetPropertyUint32(context, array, static_cast<uint32_t>(i), stringOf(context, words[i]));
  }
  return array;
}

int countOf(char** words) {
  int count = 0;
  while (words[count] != nullptr) ++count;
  return count;
}

}  // namespace

Loop& loopOf(JSContext* context) { return *static_cast<Loop*>(JS_GetRuntimeOpaque(JS_GetRuntime(context))); }

JSValue throwErrno(JSContext* context, int err, const char* call, const char* path) {
  const char* name = ::strerrorname_np(err);
  const char* description = ::strerrordesc_np(err);
  // The kernel has some of its own that it lets out now and then (ENOTSUPP, 524).
  const std::string code = name == nullptr ? "E" + std::to_string(err) : name;
  std::string message = code + ": " + (description == nullptr ? "unknown error" : description) + ", " + call;
  if (path != nullptr) message += " '" + std::string(path) + "'";
  JSValue error = JS_NewError(context);
  constexpr int hidden = JS_PROP_CONFIGURABLE | JS_PROP_WRITABLE;
  JS_DefinePropertyValueStr(context, error, "message", stringOf(context, message), hidden);
  JS_SetPropertyStr(context, error, "errno", JS_NewInt32(context, -err));
  JS_SetPropertyStr(context, error, "code", JS_NewStringLen(context, code.data(), code.size()));
  JS_SetPropertyStr(context, error, "syscall", JS_NewString(context, call));
  if (path != nullptr) JS_SetPropertyStr(context, error, "path", stringOf(context, path));
  return JS_Throw(context, error);
}

JSValue makeNatives(JSContext* context, Loop& loop, int argc, char** argv) {
  JS_SetRuntimeOpaque(JS_GetRuntime(context), &loop);
  JSValue natives = JS_NewObject(context);
  addFunctions(context, natives, functions);
  addFileFunctions(context, natives);
  addNetFunctions(context, natives);
  JS_SetPropertyStr(context, natives, "argv", wordsOf(context, argv, argc));
  JS_SetPropertyStr(context, natives, "environment", wordsOf(context, environ, countOf(environ)));
  JS_SetPropertyStr(context, natives, "engineVersion", JS_NewString(context, ENGINE_VERSION));
  JS_SetPropertyStr(context, natives, "machine", JS_NewString(context, machine));
  JS_SetPropertyStr(context, natives, "pid", JS_NewInt32(context, ::getpid()));
  JS_SetPropertyStr(context, natives, "euid", JS_NewUint32(context, ::geteuid()));
  JS_SetPropertyStr(context, natives, "egid", JS_NewUint32(context, ::getegid()));
  return natives;
}

}  // namespace engine
