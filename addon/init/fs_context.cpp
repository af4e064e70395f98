#include "fs_context.h"

#include <string.h>

#include "fs_path.h"

Failure FsContext::open(const char* fstype) {
  return adopt(context_, sys::fsopen(fstype, sys::fsopenCloexec), "fsopen");
}

Failure FsContext::pick(int target) {
  return adopt(context_, sys::fspick(target, "", sys::fspickCloexec | sys::fspickEmptyPath), "fspick");
}

Failure FsContext::set(const char* option) {
  const char* equals = strchr(option, '=');
  if (equals == nullptr) {
    auto f = check(sys::fsconfig(context_.get(), sys::fsconfigSetFlag, option, nullptr, 0), "fsconfig");
    if (f) w_.say("%s", option);
    return explain(f);
  }
  char key[maxOptionValue + 1];
  if (auto f = copyText(key, sizeof key, option, static_cast<size_t>(equals - option))) return f;
  return setString(key, equals + 1);
}

Failure FsContext::setString(const char* key, const char* value) {
  auto f = check(sys::fsconfig(context_.get(), sys::fsconfigSetString, key, value, 0), "fsconfig");
  if (f) w_.say("%s=%s", key, value);
  return explain(f);
}

Failure FsContext::mount(uint64_t attrs, Fd& out) {
  auto f = check(sys::fsconfig(context_.get(), sys::fsconfigCreate, nullptr, nullptr, 0), "fsconfig");
  if (f) return explain(f);
  return explain(
      adopt(out, sys::fsmount(context_.get(), sys::fsmountCloexec, static_cast<unsigned>(attrs)), "fsmount"));
}

Failure FsContext::reconfigure() {
  return explain(check(sys::fsconfig(context_.get(), sys::fsconfigReconfigure, nullptr, nullptr, 0), "fsconfig"));
}

// Each read(2) of a context answers one line of its log, "e <text>" for an error, and ENODATA at the end. The last
// error is the nearest to what we asked; a context without one leaves what was said before.
Failure FsContext::explain(Failure f) {
  if (!f) return f;
  char line[sizeof w_.detail];
  for (ssize_t size = 0; (size = ::read(context_.get(), line, sizeof line - 1)) > 2;) {
    while (size > 0 && line[size - 1] == '\n') size--;
    line[size] = '\0';
    if (line[0] == 'e') w_.say("%s", line + 2);
  }
  return f;
}
