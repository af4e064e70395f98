// Text that comes from outside, or goes there: bytes that should be UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace engine {

bool isUtf8(std::string_view bytes);

// With U+FFFD for each maximal part that is no UTF-8, as the Encoding Standard decodes.
std::string repairedUtf8(std::string_view bytes);

// What the engine makes of a string with a surrogate alone, three bytes, becomes U+FFFD, which has as many.
void replaceSurrogates(char* text, size_t length);

}  // namespace engine
