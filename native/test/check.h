// A small test harness: TEST registers a function, CHECK counts a failure and says where.
#ifndef TARTAN_TEST_CHECK_H
#define TARTAN_TEST_CHECK_H

#include <stdio.h>

#include <string>
#include <vector>

namespace check {

struct Test {
  const char* name;
  void (*body)();
};
inline std::vector<Test> tests;
inline int failures = 0;
inline std::string where;  // the shape under test, set by the test

struct Register {
  Register(const char* name, void (*body)()) { tests.push_back({name, body}); }
};

inline bool report(bool holds, const char* text, const char* file, int line) {
  if (!holds && ++failures <= 50) fprintf(stderr, "%s:%d: %s [%s]\n", file, line, text, where.c_str());
  return holds;
}

}  // namespace check

#define TEST(name)                                           \
  static void name();                                        \
  static const check::Register register_##name(#name, name); \
  static void name()
#define CHECK(condition) check::report((condition), #condition, __FILE__, __LINE__)

#endif
