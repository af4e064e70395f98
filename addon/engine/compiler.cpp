// compiler OUT MODULE...: modules of JavaScript to one file of bytecode. A program of the build.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "context.h"

namespace {

std::string contentOf(const char* path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void put(std::ofstream& out, const void* bytes, size_t size) {
  const auto length = static_cast<uint32_t>(size);
  out.write(reinterpret_cast<const char*>(&length), sizeof length);
  out.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
}

bool compile(JSContext* context, const char* path, std::ofstream& out) {
  const std::string source = contentOf(path);
  const std::string name = std::filesystem::path(path).filename();
  JSValue module =
      JS_Eval(context, source.c_str(), source.size(), name.c_str(), JS_EVAL_TYPE_MODULE | JS_EVAL_FLAG_COMPILE_ONLY);
  if (JS_IsException(module)) return false;
  size_t size = 0;
  uint8_t* code = JS_WriteObject(context, &size, module, JS_WRITE_OBJ_BYTECODE);
  if (code == nullptr) return false;
  put(out, name.data(), name.size());
  put(out, code, size);
  js_free(context, code);
  return true;
}

// What a module imports is compiled on its own.
JSModuleDef* promised(JSContext* context, const char* name, void*) {
  return JS_NewCModule(context, name, [](JSContext*, JSModuleDef*) { return 0; });
}

}  // namespace

int main(int argc, char** argv) {
  JSContext* context = engine::makeContext();
  JS_AddIntrinsicEval(context);
  JS_SetStripInfo(JS_GetRuntime(context), JS_STRIP_DEBUG);  // nobody reads line numbers of minified code
  JS_SetModuleLoaderFunc(JS_GetRuntime(context), nullptr, promised, nullptr);
  std::ofstream out(argv[1], std::ios::binary);
  for (int i = 2; i < argc; ++i) {
    if (compile(context, argv[i], out)) continue;
    engine::printException(context);
    return 1;
  }
  return out.flush() ? 0 : 1;
}
