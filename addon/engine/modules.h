// The program: ECMAScript modules as bytecode of QuickJS, in one file.
//
//   for each module: uint32 length of the name, name, uint32 length of the bytecode, bytecode
#pragma once

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace engine {

// Run in this order; the others are imported by them.
constexpr std::string_view entryModules[] = {"globals.js", "main.js"};

struct Module {
  std::string_view name;
  std::span<const uint8_t> code;
};

// Goes through the file, one module each time; nothing after the last.
class ModuleReader {
 public:
  explicit ModuleReader(std::span<const uint8_t> file) : rest_(file) {}

  std::optional<Module> next() {
    if (rest_.empty()) return std::nullopt;
    const std::span<const uint8_t> name = take();
    const std::span<const uint8_t> code = take();
    return Module{{reinterpret_cast<const char*>(name.data()), name.size()}, code};
  }

 private:
  std::span<const uint8_t> take() {
    uint32_t length = 0;
    std::memcpy(&length, rest_.data(), sizeof length);
    const std::span<const uint8_t> taken = rest_.subspan(sizeof length, length);
    rest_ = rest_.subspan(sizeof length + length);
    return taken;
  }

  std::span<const uint8_t> rest_;
};

}  // namespace engine
