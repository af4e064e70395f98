// tsrunc: the engine, the addon's functions, and the program as bytecode, in one executable.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "context.h"
#include "loop.h"
#include "modules.h"
#include "napi.h"
#include "natives.h"

extern "C" const uint8_t tsrunc_modules[];
extern "C" const uint8_t tsrunc_modules_end[];

namespace {

std::optional<engine::Module> find(std::string_view name) {
  engine::ModuleReader reader({tsrunc_modules, tsrunc_modules_end});
  for (;;) {
    const std::optional<engine::Module> module = reader.next();
    if (!module || module->name == name) return module;
  }
}

JSModuleDef* load(JSContext* context, const char* name, void*) {
  const std::optional<engine::Module> module = find(name);
  if (!module) {
    JS_ThrowReferenceError(context, "no module %s in this executable", name);
    return nullptr;
  }
  JSValue code = JS_ReadObject(context, module->code.data(), module->code.size(), JS_READ_OBJ_BYTECODE);
  if (JS_IsException(code)) return nullptr;
  auto* definition = static_cast<JSModuleDef*>(JS_VALUE_GET_PTR(code));
  JS_FreeValue(context, code);  // the context keeps it
  return definition;
}

// Evaluate a module to its end. The program itself does not come to one: process.exit() ends it.
bool evaluate(JSContext* context, engine::Loop& loop, std::string_view name) {
  const std::optional<engine::Module> module = find(name);
  JSValue code = JS_ReadObject(context, module->code.data(), module->code.size(), JS_READ_OBJ_BYTECODE);
  if (JS_IsException(code) || JS_ResolveModule(context, code) < 0) return false;
  JSValue ended = JS_EvalFunction(context, code);
  if (JS_IsException(ended) || !loop.run()) return false;
  switch (JS_PromiseState(context, ended)) {
    case JS_PROMISE_FULFILLED:
      return true;
    case JS_PROMISE_REJECTED:
      JS_Throw(context, JS_PromiseResult(context, ended));
      return false;
    case JS_PROMISE_PENDING:
      break;
  }
  JS_ThrowTypeError(context, "the program waits for something that nobody will do");
  return false;
}

int run(JSContext* context, engine::Loop& loop) {
  for (const std::string_view name : engine::entryModules) {
    if (evaluate(context, loop, name)) continue;
    engine::printException(context);
    return 1;
  }
  return 0;
}

// Descriptors 0 to 2 are standard streams or nothing: one that the caller has closed would be the next file that is
// opened, and what is written to "standard error" would go there.
void haveStandardStreams() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    if (::open("/dev/null", O_RDWR) != fd) std::abort();  // the lowest free descriptor
  }
}

}  // namespace

int main(int argc, char** argv) {
  haveStandardStreams();
  ::signal(SIGPIPE, SIG_IGN);  // EPIPE tells it where it happens
  JSContext* context = engine::makeContext();
  engine::Loop loop(context);
  JS_SetModuleLoaderFunc(JS_GetRuntime(context), nullptr, load, nullptr);
  JS_SetCanBlock(JS_GetRuntime(context), true);
  JSValue natives = engine::makeNatives(context, loop, argc, argv);
  JS_SetPropertyStr(context, natives, "addon", engine::exportsOf(engine::makeEnvironment(context, loop)));
  JSValue global = JS_GetGlobalObject(context);
  JS_SetPropertyStr(context, global, "engineNatives", natives);
  JS_FreeValue(context, global);
  ::_exit(run(context, loop));
}
