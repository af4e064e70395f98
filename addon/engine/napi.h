// Node-API (node_api.h) on QuickJS: what addon/node needs of it, so that the same binding serves Node.js and this
// engine.
//
// Handles are indexes into a stack of values; a call from JavaScript opens a scope and closes it at its end. Finalizers
// are never called: an engine lives as long as its process, and the process ends without tearing it down.
#pragma once

#include <node_api.h>
#include <quickjs.h>

#include <functional>

namespace engine {

class Loop;

// The environment that the functions of node_api.h work on; for good.
napi_env makeEnvironment(JSContext* context, Loop& loop);

// What the addon's Init exports. The caller owns the value.
JSValue exportsOf(napi_env env);

}  // namespace engine
