// The home directory of the container's user. Only HOME comes from /etc/passwd: ids never do (CVE-2016-3697).
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "world.h"

namespace {

// Opens the container's passwd; `out` stays invalid where there is none that could be read.
Failure openPasswd(const World& w, Fd& out) {
  sys::OpenHow how{.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                   .resolve = sys::resolveInRoot | sys::resolveNoMagiclinks};
  Fd file(sys::openat2(w.root.get(), "etc/passwd", how));
  if (!file.valid()) {
    bool missing = errno == ENOENT || errno == ENOTDIR || errno == EACCES || errno == ELOOP;
    return missing ? success : Failure{errno, "openat2"};
  }
  struct stat st{};
  if (auto f = check(::fstat(file.get(), &st), "fstat")) return f;
  if (S_ISREG(st.st_mode)) out = static_cast<Fd&&>(file);
  return success;
}

class Stream {
 public:
  explicit Stream(Fd fd) : fd_(static_cast<Fd&&>(fd)), file_(::fdopen(fd_.get(), "r")) {}
  ~Stream() {
    if (file_ == nullptr) return;
    // fclose closes it.
    [[maybe_unused]] int closed = fd_.release();
    ::fclose(file_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  [[nodiscard]] bool valid() const { return file_ != nullptr; }
  // A line that is longer than the buffer comes in pieces, none of which has the shape of an entry.
  template <size_t size>
  bool nextLine(char (&line)[size]) {
    if (::fgets(line, size, file_) == nullptr) return false;
    line[strcspn(line, "\n")] = 0;
    return true;
  }

 private:
  Fd fd_;
  FILE* file_;
};

// Ends the field at `text` and answers the next one; nullptr where there is none.
char* nextField(char* text) {
  char* colon = text == nullptr ? nullptr : strchr(text, ':');
  if (colon == nullptr) return nullptr;
  *colon = 0;
  return colon + 1;
}

bool isNumber(const char* text, uint32_t expected) {
  char* end = nullptr;
  if (*text < '0' || *text > '9') return false;
  return strtoull(text, &end, 10) == expected && *end == 0;
}

// name:password:uid:gid:gecos:directory:shell
const char* homeOfLine(char* line, uint32_t uid) {
  char* id = nextField(nextField(line));
  char* directory = nextField(nextField(nextField(id)));
  if (directory == nullptr || !isNumber(id, uid)) return nullptr;
  nextField(directory);
  return directory;
}

void setHome(World& w, const char* directory) {
  size_t size = strlen(directory);
  bool usable = size > 0 && size < sizeof w.home;
  memcpy(w.home, usable ? directory : "/", usable ? size + 1 : 2);
}

}  // namespace

Failure run(World& w, const op::FindHome& o) {
  setHome(w, "/");
  Fd file;
  if (auto f = openPasswd(w, file)) return f;
  if (!file.valid()) return success;
  Stream passwd(static_cast<Fd&&>(file));
  if (!passwd.valid()) return {ENOMEM, "fdopen"};
  char line[sizeof w.home + 1024];
  while (passwd.nextLine(line)) {
    const char* home = homeOfLine(line, o.uid);
    if (home == nullptr) continue;
    setHome(w, home);
    break;
  }
  return success;
}
