#include "../engine/utf8.h"

#include <doctest/doctest.h>

namespace {

using engine::isUtf8;
using engine::repairedUtf8;
using std::string_view_literals::operator""sv;

TEST_CASE("UTF-8 stays what it is") {
  for (const auto text : {""sv, "a\0b"sv, "\x7f"sv, "\xc2\x80"sv, "\xdf\xbf"sv, "\xe0\xa0\x80"sv, "\xed\x9f\xbf"sv,
                          "\xee\x80\x80"sv, "\xef\xbf\xbf"sv, "\xf0\x90\x80\x80"sv, "\xf4\x8f\xbf\xbf"sv}) {
    CHECK(isUtf8(text));
    CHECK(repairedUtf8(text) == text);
  }
}

// The examples of Unicode 16.0, section 3.9 ("U+FFFD Substitution of Maximal Subparts"), with ? for U+FFFD.
TEST_CASE("what is no UTF-8 is replaced, and swallows nothing that follows") {
  const auto check = [](std::string_view bytes, std::string_view expected) {
    std::string marked;
    for (std::string_view rest = expected; !rest.empty(); rest.remove_prefix(1)) {
      marked += rest.front() == '?' ? "\xef\xbf\xbd"sv : rest.substr(0, 1);
    }
    CHECK_FALSE(isUtf8(bytes));
    CHECK(repairedUtf8(bytes) == marked);
  };
  check("\x80\nA"sv, "?\nA");
  check("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82\x41"sv, "????????A");
  check("\xed\xa0\x80\xed\xbf\xbf\xed\xaf\x41"sv, "????????A");
  check("\xf4\x91\x92\x93\xff\x41\x80\xbf\x42"sv, "?????A??B");
  check("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf\x41"sv, "????A");
  check("\xf0\x9f\x92"sv, "?");
  check("\xe2\x82 "sv, "? ");
}

TEST_CASE("surrogates that are alone are replaced, and nothing else is") {
  const auto replaced = [](std::string text) {
    engine::replaceSurrogates(text.data(), text.size());
    return text;
  };
  CHECK(replaced("a\xed\xa0\x80z") == "a\xef\xbf\xbdz");
  CHECK(replaced("\xed\xbf\xbf\xed\xa0\xbd") == "\xef\xbf\xbd\xef\xbf\xbd");
  CHECK(replaced("\xed\x9f\xbf\xee\x80\x80") == "\xed\x9f\xbf\xee\x80\x80");
  CHECK(replaced("") == "");
}

}  // namespace
