#pragma once

#include <quickjs.h>

namespace engine {

void addNetFunctions(JSContext* context, JSValueConst natives);

}  // namespace engine
