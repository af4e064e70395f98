// What the modules of src/engine make Node.js' built-in ones of: small functions over system calls and text.
#pragma once

#include <quickjs.h>

namespace engine {

class Loop;

// An object with all of them. The caller owns it.
JSValue makeNatives(JSContext* context, Loop& loop, int argc, char** argv);

}  // namespace engine
