#include "diagnosis.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>

namespace {

#if defined(__x86_64__)
constexpr unsigned ownMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr unsigned ownMachine = EM_AARCH64;
#else
#error "unsupported machine"
#endif

// The kernel looks at no more of a first line than this (BINPRM_BUF_SIZE).
constexpr size_t headSize = 256;

void sayInterpreter(World& w, const char* kind, const char* path, int err) {
  bool guilty = err == ENOENT ? ::access(path, F_OK) < 0 : ::access(path, X_OK) < 0;
  if (guilty) w.say("%s %s", kind, path);
}

void diagnoseScript(World& w, char* head, int err) {
  char* path = head + 2 + strspn(head + 2, " \t");
  // Not at CR: a file written on another system ends its lines with CR LF, and the kernel takes the CR as part of the
  // name.
  path[strcspn(path, " \t\n")] = 0;
  sayInterpreter(w, "interpreter", path, err);
}

void diagnoseElf(World& w, int fd, const Elf64_Ehdr& elf, int err) {
  for (unsigned i = 0; i < elf.e_phnum; ++i) {
    Elf64_Phdr segment{};
    off_t at = static_cast<off_t>(elf.e_phoff + i * sizeof segment);
    if (::pread(fd, &segment, sizeof segment, at) != sizeof segment) return;
    if (segment.p_type != PT_INTERP) continue;
    char path[headSize] = "";
    size_t size = segment.p_filesz < sizeof path ? segment.p_filesz : sizeof path - 1;
    if (::pread(fd, path, size, static_cast<off_t>(segment.p_offset)) > 0)
      sayInterpreter(w, "ELF interpreter", path, err);
    return;
  }
}

void diagnoseFormat(World& w, const Elf64_Ehdr& elf, bool isElf) {
  if (!isElf) {
    w.say("neither ELF nor #!");
  } else if (elf.e_machine != ownMachine) {
    w.say("built for another machine (ELF machine %u)", elf.e_machine);
  } else {
    w.say("damaged ELF file");
  }
}

}  // namespace

void diagnose(World& w, int err) {
  // O_NONBLOCK: it may have become a FIFO since it was found.
  Fd file(::open(w.program, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  union {
    char text[headSize + 1];
    Elf64_Ehdr elf;
  } head{};
  if (!file.valid() || ::pread(file.get(), head.text, headSize, 0) < 0) return;
  bool isElf = memcmp(head.text, ELFMAG, SELFMAG) == 0;
  bool isScript = head.text[0] == '#' && head.text[1] == '!';
  if (err == ENOEXEC && !isScript) return diagnoseFormat(w, head.elf, isElf);
  if (isScript) return diagnoseScript(w, head.text, err);
  if (isElf && head.elf.e_ident[EI_CLASS] == ELFCLASS64) diagnoseElf(w, file.get(), head.elf, err);
}
