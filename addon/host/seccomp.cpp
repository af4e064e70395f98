#include "seccomp.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>

namespace host {
namespace {

// libseccomp answers negative errno values.
Failure answered(int result, const char* call) { return result < 0 ? Failure{-result, call} : success; }

class Filter {
 public:
  explicit Filter(uint32_t defaultAction) : context_(::seccomp_init(defaultAction)) {}
  ~Filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  [[nodiscard]] bool valid() const { return context_ != nullptr; }

  // Exactly these: what libseccomp is built for is in a new filter by itself.
  Failure setArchitectures(const std::vector<uint32_t>& wanted) {
    if (const Failure f = answered(::seccomp_arch_remove(context_, ::seccomp_arch_native()), "seccomp_arch_remove")) {
      return f;
    }
    for (const uint32_t architecture : wanted) {
      const int result = ::seccomp_arch_add(context_, architecture);
      if (result != -EEXIST && result < 0) return Failure{-result, "seccomp_arch_add"};
    }
    return success;
  }

  Failure setBinaryTree() {
    return answered(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2), "seccomp_attr_set");
  }

  Failure add(int number, const FilterRule& rule) {
    const auto count = static_cast<unsigned>(rule.conditions.size());
    return answered(::seccomp_rule_add_array(context_, rule.action, number, count, rule.conditions.data()),
                    "seccomp_rule_add");
  }

  Outcome<std::vector<uint8_t>> instructions() const {
    Outcome<Fd> file = owned(::memfd_create("tsrunc-filter", MFD_CLOEXEC), "memfd_create");
    if (file.failure) return file.failure;
    if (const Failure f = answered(::seccomp_export_bpf(context_, file.value.get()), "seccomp_export_bpf")) return f;
    struct stat st;
    if (::fstat(file.value.get(), &st) < 0) return failed("fstat");
    std::vector<uint8_t> bytes(static_cast<size_t>(st.st_size));
    const ssize_t size = ::pread(file.value.get(), bytes.data(), bytes.size(), 0);
    if (size < 0) return failed("pread");
    if (static_cast<size_t>(size) != bytes.size()) return Failure{EIO, "pread"};
    return bytes;
  }

 private:
  scmp_filter_ctx context_;
};

// Numbers that other machines have and this one lacks are negative here, and good for rules all the same.
Failure addRules(Filter& filter, const FilterRequest& request, FilterProgram& program, FilterPlace& place) {
  for (size_t i = 0; i < request.rules.size(); ++i) {
    for (const std::string& name : request.rules[i].names) {
      const int number = ::seccomp_syscall_resolve_name(name.c_str());
      if (number == __NR_SCMP_ERROR) {
        program.unknown.push_back(name);
        continue;
      }
      if (const Failure f = filter.add(number, request.rules[i])) {
        place = {static_cast<int>(i), name};
        return f;
      }
    }
  }
  return success;
}

uint32_t newestOf(const FilterRequest& request, uint32_t architecture) {
  int newest = 0;
  for (const std::string& name : request.named) {
    newest = std::max(newest, ::seccomp_syscall_resolve_name_arch(architecture, name.c_str()));
  }
  return static_cast<uint32_t>(newest);
}

}  // namespace

Outcome<FilterProgram> compileFilter(const FilterRequest& request, FilterPlace& refused) {
  Filter filter(request.defaultAction);
  if (!filter.valid()) return Failure{EINVAL, "seccomp_init"};
  if (const Failure f = filter.setArchitectures(request.architectures)) return f;
  if (request.binaryTree) {
    if (const Failure f = filter.setBinaryTree()) return f;
  }
  FilterProgram program;
  if (const Failure f = addRules(filter, request, program, refused)) return f;
  Outcome<std::vector<uint8_t>> exported = filter.instructions();
  if (exported.failure) return exported.failure;
  program.instructions = std::move(exported.value);
  for (const uint32_t architecture : request.architectures) program.newest.push_back(newestOf(request, architecture));
  return program;
}

std::string libseccompVersion() {
  return std::to_string(SCMP_VER_MAJOR) + '.' + std::to_string(SCMP_VER_MINOR) + '.' + std::to_string(SCMP_VER_MICRO);
}

std::string fingerprint(std::span<const uint8_t> bytes) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const uint8_t byte : bytes) hash = (hash ^ byte) * 0x100000001b3;
  constexpr char digits[] = "0123456789abcdef";
  std::string text(16, '0');
  for (size_t i = 0; i < text.size(); ++i) text[i] = digits[hash >> (60 - 4 * i) & 15];
  return text;
}

}  // namespace host
