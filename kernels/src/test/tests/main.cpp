// Runs every registered test, or those whose name contains the argument.
#include <string.h>

#include "check.h"

int main(int argc, char** argv) {
  for (const check::Test& test : check::tests) {
    if (argc > 1 && !strstr(test.name, argv[1])) continue;
    const int before = check::failures;
    check::where.clear();
    test.body();
    printf("%-40s %s\n", test.name, check::failures == before ? "ok" : "FAILED");
    fflush(stdout);
  }
  printf("failures: %d\n", check::failures);
  return check::failures != 0;
}
