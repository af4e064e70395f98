#pragma once

#include <quickjs.h>

namespace engine {

void addFileFunctions(JSContext* context, JSValueConst natives);

}  // namespace engine
