#!/bin/sh
# Builds the CUDA kernels for the host emulation, with the libcuda.so.1 that runs them, and tests both. Without a compiler or
# CMake the Maven build goes on: then the kernels do not run on this machine.
set -eu
cd "$(dirname "$0")"
for tool in cmake c++; do
  if ! command -v $tool >/dev/null 2>&1; then
    echo "kernels: no $tool on the PATH, so the host emulation of the CUDA kernels is not built and their tests are skipped"
    exit 0
  fi
done
generator=
if command -v ninja >/dev/null 2>&1; then generator="-G Ninja"; fi
case "${1:-}" in
  build)
    [ -f target/cmake/CMakeCache.txt ] || cmake -S . -B target/cmake $generator -DCMAKE_BUILD_TYPE=Release >/dev/null
    cmake --build target/cmake --parallel >target/cmake/build.log 2>&1 || {
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
  # The tables of docs/kernels.md: after build, and after Maven has compiled for devices.
  count) target/cmake/count_traffic ;;
  ptx) "${JAVA_HOME:+$JAVA_HOME/bin/}java" -cp target/classes dev.tartan.kernels.CountInstructions \
    target/classes/META-INF/cuda/tartan.ptx ;;
  *) echo "usage: build.sh build|test|count|ptx"; exit 2 ;;
esac
