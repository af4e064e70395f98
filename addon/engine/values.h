// QuickJS values whose reference is given back by a destructor.
#pragma once

#include <quickjs.h>

#include <utility>

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

}  // namespace engine
