#!/bin/sh
# Builds and tests the CPU kernels by CMake. Without a compiler or CMake the Maven build goes on: the
# plain Java backend then serves, and says so.
set -eu
cd "$(dirname "$0")"
for tool in cmake c++; do
  if ! command -v $tool >/dev/null 2>&1; then
    echo "native: no $tool on the PATH, so the CPU kernels are not built; the reference backend serves"
    mkdir -p target/native-out
    exit 0
  fi
done
generator=
if command -v ninja >/dev/null 2>&1; then generator="-G Ninja"; fi
case "$1" in
  build)
    [ -f target/cmake/CMakeCache.txt ] || cmake -S . -B target/cmake $generator -DCMAKE_BUILD_TYPE=Release \
      -DCMAKE_INSTALL_PREFIX="$PWD/target/native-out" >/dev/null
    { cmake --build target/cmake --parallel && cmake --install target/cmake --component kernels; } \
      >target/cmake/build.log 2>&1 || {
      cat target/cmake/build.log
      exit 1
    } ;;
  test)
    # Other versions format otherwise; this is the one that Debian 12 and .ci/run have.
    if clang-format --version 2>/dev/null | grep -q 'version 14' &&
      cmake --build target/cmake --target help | grep -q format-check; then
      cmake --build target/cmake --target format-check
    fi
    ctest --test-dir target/cmake --output-on-failure ;;
  *) echo "usage: build.sh build|test"; exit 2 ;;
esac
