// Memory of the engine: small pieces from an arena, larger ones from the C library.
//
// A command lives for milliseconds and makes some ten thousand small objects. Touching each page of a growing heap
// costs a page fault (0.5 to 3 us, more than the objects in it); the arena's pages are all made by one call.
#pragma once

#include <quickjs.h>

namespace engine {

extern const JSMallocFunctions memoryFunctions;

}  // namespace engine
