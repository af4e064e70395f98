// The engine as both the compiler and the program have it: bytecode is only good for the same one.
#pragma once

#include <quickjs.h>

namespace engine {

// Everything of the language but eval and Function: nothing makes code of data.
JSContext* makeContext();

// An exception as text, for people: message and stack.
void printException(JSContext* context);

}  // namespace engine
