// Text that comes from outside: bytes that should be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace engine {

bool isUtf8(std::string_view bytes);

// With U+FFFD for each maximal part that is no UTF-8, as the Encoding Standard decodes.
std::string repairedUtf8(std::string_view bytes);

}  // namespace engine
