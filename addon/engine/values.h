// QuickJS values: with a destructor that gives back the reference, and of text from outside.
#pragma once

#include <quickjs.h>

#include <string_view>
#include <utility>

#include "utf8.h"

namespace engine {

class Value {
 public:
  Value(JSContext* context, JSValue value) : context_(context), value_(value) {}
  Value(const Value&) = delete;
  Value& operator=(const Value&) = delete;
  Value(Value&& other) noexcept : context_(other.context_), value_(std::exchange(other.value_, JS_UNDEFINED)) {}
  Value& operator=(Value&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Value() { JS_FreeValue(context_, value_); }

  JSValueConst get() const { return value_; }
  JSValue release() { return std::exchange(value_, JS_UNDEFINED); }
  bool isException() const { return JS_IsException(value_); }

 private:
  JSContext* context_;
  JSValue value_;
};

// A string of bytes that may be anything. QuickJS itself takes an ASCII byte for part of a malformed sequence before
// it: a cgroup or a mount point whose name ends in such a one would swallow the separator that follows.
inline JSValue stringOf(JSContext* context, std::string_view bytes) {
  if (isUtf8(bytes)) return JS_NewStringLen(context, bytes.data(), bytes.size());
  const std::string text = repairedUtf8(bytes);
  return JS_NewStringLen(context, text.data(), text.size());
}

}  // namespace engine
