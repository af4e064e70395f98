// The home directory of the container's user. Only HOME comes from /etc/passwd: ids never do (CVE-2016-3697).
#include <fcntl.h>
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

// No longer passwd is read: the file is the image's, and a hole of terabytes costs it nothing.
constexpr size_t maxPasswd = size_t{16} << 20;

class Lines {
 public:
  explicit Lines(Fd file) : file_(static_cast<Fd&&>(file)) {}

  // A line that is longer than the buffer comes in pieces, none of which has the shape of an entry. False at the end,
  // also where the rest cannot be read.
  template <size_t size>
  bool next(char (&line)[size]) {
    size_t length = 0;
    char c = 0;
    while (length < size - 1 && nextChar(c) && c != '\n') line[length++] = c;
    line[length] = 0;
    return length > 0 || c == '\n';
  }

 private:
  bool nextChar(char& out) {
    if (at_ == filled_ && !fill()) return false;
    out = buffer_[at_++];
    return true;
  }

  bool fill() {
    ssize_t count = left_ == 0 ? 0 : ::read(file_.get(), buffer_, left_ < sizeof buffer_ ? left_ : sizeof buffer_);
    if (count <= 0) return false;
    left_ -= static_cast<size_t>(count);
    filled_ = static_cast<size_t>(count);
    at_ = 0;
    return true;
  }

  Fd file_;
  size_t left_ = maxPasswd;
  size_t filled_ = 0;
  size_t at_ = 0;
  char buffer_[16384];
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
  Lines passwd(static_cast<Fd&&>(file));
  char line[sizeof w.home + 1024];
  while (passwd.next(line)) {
    const char* home = homeOfLine(line, o.uid);
    if (home == nullptr) continue;
    setHome(w, home);
    break;
  }
  return success;
}
