// Arguments and results of native functions.
#pragma once

#include <quickjs.h>

#include <cerrno>
#include <cstring>
#include <span>
#include <string>

#include "utf8.h"

namespace engine {

// A string as UTF-8 with a NUL after it; null where it is none. To be given back by JS_FreeCString.
inline const char* utf8Of(JSContext* context, JSValueConst value, size_t* length) {
  const char* text = JS_ToCStringLen(context, length, value);
  // The engine's own bytes where they are ASCII, else a copy made for us.
  if (text != nullptr) replaceSurrogates(const_cast<char*>(text), *length);
  return text;
}

// A string argument, or the bytes of one that is no UTF-8; not good where it is none or holds a NUL, which no path can.
class Text {
 public:
  Text(JSContext* context, JSValueConst value) : context_(context) {
    if (JS_IsObject(value)) {
      size_t offset = 0;
      size_t size = 0;
      const JSValue buffer = JS_GetTypedArrayBuffer(context, value, &offset, &length_, nullptr);
      const uint8_t* bytes = JS_IsException(buffer) ? nullptr : JS_GetArrayBuffer(context, &size, buffer);
      if (bytes != nullptr) bytes_.assign(reinterpret_cast<const char*>(bytes) + offset, length_);
      text_ = bytes == nullptr ? nullptr : bytes_.c_str();
      JS_FreeValue(context, buffer);
    } else {
      text_ = utf8Of(context, value, &length_);
      owned_ = text_;
    }
  }
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text() { JS_FreeCString(context_, owned_); }

  bool good() const { return text_ != nullptr && std::strlen(text_) == length_; }
  const char* get() const { return text_; }
  size_t size() const { return length_; }

 private:
  JSContext* context_;
  std::string bytes_;
  const char* owned_ = nullptr;
  size_t length_ = 0;
  const char* text_;
};

inline int intOf(JSContext* context, JSValueConst value) {
  int32_t number = 0;
  JS_ToInt32(context, &number, value);
  return number;
}

// An Error like those of Node.js: message "ENOENT: no such file or directory, open '/x'", errno (negative), code,
// syscall, path.
JSValue throwErrno(JSContext* context, int err, const char* call, const char* path = nullptr);

// The result of a call that answers 0, or what it failed with.
inline JSValue outcomeOf(JSContext* context, long result, const char* call, const char* path = nullptr) {
  return result < 0 ? throwErrno(context, errno, call, path) : JS_NewInt64(context, result);
}

struct NativeFunction {
  const char* name;
  int arguments;  // missing ones are undefined
  JSCFunction* call;
};

inline void addFunctions(JSContext* context, JSValueConst object, std::span<const NativeFunction> functions) {
  for (const auto& [name, arguments, call] : functions) {
    JS_SetPropertyStr(context, object, name, JS_NewCFunction(context, call, name, arguments));
  }
}

}  // namespace engine
