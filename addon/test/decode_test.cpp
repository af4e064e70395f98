// The decoder sees bytes that may be damaged: it answers, and never reads past them (run with the address sanitizer).
#include <doctest/doctest.h>

#include <cstddef>
#include <random>

#include "encode.h"

namespace {

using Bytestring = std::vector<uint8_t>;

// An allocation of exactly the bytes, so that the sanitizer sees a read behind them.
template <class Value>
bool decodes(const Bytestring& bytes, Value& out, FdTable fds = {}) {
  Reader in(bytes.data(), bytes.data() + bytes.size(), fds);
  return in.take(out) && in.atEnd();
}

template <class Value>
bool accepts(const Bytestring& bytes, FdTable fds = {}) {
  Value out{};
  return decodes(bytes, out, fds);
}

Failure openPart(const Bytestring& bytes, FdTable fds, Part& out) {
  return Part::open(bytes.data(), bytes.size(), fds, op::tableHash, out);
}

// Decodes every operation of a part, as the helper does before it runs any.
Failure readAll(const Bytestring& bytes, FdTable fds = {}) {
  Part part;
  if (auto f = openPart(bytes, fds, part)) return f;
  for (uint32_t i = 0; i < part.count(); ++i) {
    uint32_t code = 0;
    Reader payload(nullptr, nullptr, {});
    if (!part.next(code, payload)) return malformed;
    if (auto f = visit(code, payload, [](const auto&) { return success; })) return f;
  }
  return part.atEnd() ? success : malformed;
}

Bytestring execPart() {
  const auto exec = Writer().strs({"sh", "-c", ""}).strs({"A=b", "PATH=/bin"}).data();
  const auto rlimit = Writer().u32(7).u64(1024).u64(UINT64_MAX).data();
  const auto join = Writer().fd(0).u32(0x40000000).data();
  const auto user = Writer().u32(1).u32(2).u32(2).u32(3).u32(4).u32(1).data();
  return encodePart({{op::Code::joinNamespace, join},
                     {op::Code::setRlimit, rlimit},
                     {op::Code::setUser, user},
                     {op::Code::resetProcess, {}},
                     {op::Code::exec, exec}});
}

}  // namespace

TEST_CASE("numbers are read as written") {
  int64_t negative = 0;
  CHECK(decodes(Writer().i64(-5).data(), negative));
  CHECK(negative == -5);
  uint64_t large = 0;
  CHECK(decodes(Writer().u64(UINT64_MAX).data(), large));
  CHECK(large == UINT64_MAX);
  CHECK_FALSE(accepts<uint64_t>(Writer().u32(1).data()));
  CHECK_FALSE(accepts<uint32_t>({1, 2, 3}));
}

TEST_CASE("a string ends in NUL, is padded with zeros and holds no NUL") {
  for (const char* text : {"", "a", "ab", "abc", "abcd"}) {
    Str out;
    const auto bytes = Writer().str(text).data();
    REQUIRE(decodes(bytes, out));
    CHECK(std::string(out.data) == text);
    CHECK(out.size == std::strlen(text));
  }
  CHECK_FALSE(accepts<Str>(Writer().u32(4).raw("a\0bc", 5).pad().data()));
  CHECK_FALSE(accepts<Str>(Writer().u32(4).raw("abcd", 4).data()));
  CHECK_FALSE(accepts<Str>(Writer().u32(1).raw("ab\0\0", 4).data()));
  CHECK_FALSE(accepts<Str>(Writer().u32(1).raw("a\0\0x", 4).data()));
  CHECK_FALSE(accepts<Str>(Writer().u32(1).raw("a\0", 2).data()));
}

TEST_CASE("lengths and counts beyond the end are refused, also where adding to them overflows") {
  for (uint32_t count : {2U, 0x3fffffffU, 0x40000001U, 0x7fffffffU, 0xfffffffbU, 0xfffffffcU, 0xffffffffU}) {
    const auto bytes = Writer().u32(count).u32(0).data();
    CHECK_FALSE(accepts<U32s>(bytes));
    CHECK_FALSE(accepts<Strs>(bytes));
    if (count <= 3) continue;
    CHECK_FALSE(accepts<Str>(bytes));
    CHECK_FALSE(accepts<Bytes>(bytes));
  }
}

TEST_CASE("lists are walked in place") {
  Strs strings;
  const auto bytes = Writer().strs({"one", "", "three"}).data();
  REQUIRE(decodes(bytes, strings));
  std::vector<std::string> seen;
  for (Str s : strings) seen.emplace_back(s.data, s.size);
  CHECK(seen == std::vector<std::string>{"one", "", "three"});
  U32s numbers;
  const auto encoded = Writer().u32(2).u32(7).u32(9).data();
  REQUIRE(decodes(encoded, numbers));
  CHECK(numbers.size() == 2);
  CHECK(numbers[1] == 9);
}

TEST_CASE("a file descriptor is an index into the table, or -1") {
  const int fds[] = {40, 41};
  const FdTable table{fds, 2};
  int fd = 0;
  CHECK(decodes(Writer().fd(1).data(), fd, table));
  CHECK(fd == 41);
  CHECK(decodes(Writer().fd(-1).data(), fd, table));
  CHECK(fd == -1);
  for (int32_t wrong : {2, 3, -2, INT32_MIN, INT32_MAX}) CHECK_FALSE(accepts<int>(Writer().fd(wrong).data(), table));
  CHECK_FALSE(accepts<int>(Writer().fd(0).data()));
}

TEST_CASE("a part is read to its very end") {
  const int fds[] = {9};
  const FdTable table{fds, 1};
  const Bytestring good = execPart();
  CHECK_FALSE(readAll(good, table));
  CHECK(readAll(good).err == EBADMSG);
  Bytestring longer = good;
  longer.insert(longer.end(), {0, 0, 0, 0});
  CHECK(readAll(longer, table).err == EBADMSG);
}

TEST_CASE("a truncated part is refused at every length") {
  const int fds[] = {9};
  const Bytestring good = execPart();
  for (size_t size = 0; size < good.size(); ++size) {
    Bytestring cut(good.begin(), good.begin() + static_cast<long>(size));
    CHECK(readAll(cut, {fds, 1}).err == EBADMSG);
    if (size < sizeof(Header)) continue;
    // With a length that agrees, too.
    const auto total = static_cast<uint32_t>(size);
    std::memcpy(cut.data() + offsetof(Header, totalBytes), &total, sizeof total);
    CHECK(readAll(cut, {fds, 1}).err == EBADMSG);
  }
}

TEST_CASE("the header must be ours") {
  Bytestring part = encodePart({});
  CHECK_FALSE(readAll(part));
  SUBCASE("magic") {
    part[0] ^= 1;
    CHECK(readAll(part).err == EBADMSG);
  }
  SUBCASE("version") {
    part[4] = 2;
    CHECK(readAll(part).err == EPROTONOSUPPORT);
  }
  SUBCASE("hash") {
    part[8 + 31] ^= 0x80;
    CHECK(readAll(part).err == EPROTONOSUPPORT);
  }
  SUBCASE("more operations than bytes") {
    part[offsetof(Header, opCount) + 3] = 0xff;
    CHECK(readAll(part).err == EBADMSG);
  }
}

TEST_CASE("an operation must be known and fill its payload exactly") {
  CHECK(readAll(encodePart({{static_cast<op::Code>(op::codeCount), {}}})).err == EBADMSG);
  CHECK(readAll(encodePart({{static_cast<op::Code>(0xffffffff), {}}})).err == EBADMSG);
  CHECK(readAll(encodePart({{op::Code::setUmask, Writer().u32(022).u32(0).data()}})).err == EBADMSG);
  CHECK(readAll(encodePart({{op::Code::setUmask, {}}})).err == EBADMSG);
  CHECK(readAll(encodePart({{op::Code::setUmask, {1, 2, 3}}})).err == EBADMSG);
  CHECK_FALSE(readAll(encodePart({{op::Code::setUmask, Writer().u32(022).data()}})));
}

TEST_CASE("damage never makes the decoder read elsewhere") {
  const int fds[] = {9};
  const Bytestring good = execPart();
  std::mt19937 random(42);
  for (int round = 0; round < 20000; ++round) {
    Bytestring bad = good;
    for (unsigned changes = random() % 4 + 1; changes > 0; --changes) {
      bad[random() % bad.size()] = static_cast<uint8_t>(random());
    }
    const Failure f = readAll(bad, {fds, 1});
    CHECK((f.err == 0 || f.err == EBADMSG || f.err == EPROTONOSUPPORT));
  }
}
