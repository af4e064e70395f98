#include "memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

namespace engine {
namespace {

// What `run` takes, with some to spare; what is more comes from the C library.
constexpr size_t arenaBytes = 2 << 20;
constexpr size_t grain = 16;
constexpr size_t largestSmall = 512;
constexpr size_t classes = largestSmall / grain;

struct FreePiece {
  FreePiece* next;
};

// Before each small piece: its class. Pieces are aligned like those of malloc.
struct alignas(grain) Header {
  size_t size;
};

char* arena = nullptr;
char* arenaEnd = nullptr;
char* unused = nullptr;
FreePiece* freePieces[classes + 1];

void makeArena() {
  void* memory = ::mmap(nullptr, arenaBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return;  // the C library has what there is
  arena = unused = static_cast<char*>(memory);
  arenaEnd = arena + arenaBytes;
}

bool inArena(const void* piece) { return piece >= arena && piece < arenaEnd; }

size_t sizeOf(const void* piece) {
  return inArena(piece) ? (static_cast<const Header*>(piece) - 1)->size
                        : ::malloc_usable_size(const_cast<void*>(piece));
}

void* takeSmall(size_t size) {
  const size_t rounded = (size + grain - 1) / grain * grain;
  FreePiece*& head = freePieces[rounded / grain];
  if (head != nullptr) return std::exchange(head, head->next);
  if (static_cast<size_t>(arenaEnd - unused) < sizeof(Header) + rounded) return nullptr;
  auto* header = reinterpret_cast<Header*>(unused);
  unused += sizeof(Header) + rounded;
  header->size = rounded;
  return header + 1;
}

void account(JSMallocState* state, const void* piece, bool taken) {
  const size_t size = sizeOf(piece);
  state->malloc_count += taken ? 1 : -1;
  state->malloc_size += taken ? size : -size;
}

void* take(JSMallocState* state, size_t size) {
  void* piece = size <= largestSmall ? takeSmall(size) : nullptr;
  if (piece == nullptr) piece = std::malloc(size);
  if (piece != nullptr) account(state, piece, true);
  return piece;
}

void give(JSMallocState* state, void* piece) {
  if (piece == nullptr) return;
  account(state, piece, false);
  if (!inArena(piece)) return std::free(piece);
  FreePiece*& head = freePieces[sizeOf(piece) / grain];
  head = new (piece) FreePiece{head};
}

void* retake(JSMallocState* state, void* piece, size_t size) {
  if (piece == nullptr) return size == 0 ? nullptr : take(state, size);
  if (size == 0) {
    give(state, piece);
    return nullptr;
  }
  if (!inArena(piece)) {
    const size_t before = ::malloc_usable_size(piece);
    void* moved = std::realloc(piece, size);
    if (moved != nullptr) state->malloc_size += ::malloc_usable_size(moved) - before;
    return moved;
  }
  if (size <= sizeOf(piece)) return piece;
  void* larger = take(state, size);
  if (larger == nullptr) return nullptr;
  std::memcpy(larger, piece, sizeOf(piece));
  give(state, piece);
  return larger;
}

struct Arena {
  Arena() { makeArena(); }
} const made;

}  // namespace

const JSMallocFunctions memoryFunctions = {take, give, retake, sizeOf};

}  // namespace engine
