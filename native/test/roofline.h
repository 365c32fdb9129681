// What this machine can do at most: instructions of the kernels' inner loops on registers, and reads.
#ifndef TARTAN_TEST_ROOFLINE_H
#define TARTAN_TEST_ROOFLINE_H

#include <stdint.h>
#include <stdio.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace roofline {

#if defined(__x86_64__)

#define ROOFLINE_CLOBBERS                                                                                    \
  "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
      "xmm13", "xmm14", "xmm15"

// Ten independent instructions of two inputs on registers of 32 or 64 bytes.
#define ROOFLINE_OP(r, i, op) op " %%" r "mm15,%%" r "mm14,%%" r "mm" i "\n"
#define ROOFLINE_TEN(r, op) \
  ROOFLINE_OP(r, "0", op)   \
  ROOFLINE_OP(r, "1", op)   \
  ROOFLINE_OP(r, "2", op)   \
  ROOFLINE_OP(r, "3", op)   \
  ROOFLINE_OP(r, "4", op)   \
  ROOFLINE_OP(r, "5", op)   \
  ROOFLINE_OP(r, "6", op) ROOFLINE_OP(r, "7", op) ROOFLINE_OP(r, "8", op) ROOFLINE_OP(r, "9", op)
#define ROOFLINE_PAIR(a, b) "vpmaddubsw %%ymm15,%%ymm14,%%ymm" b "\nvpaddw %%ymm" b ",%%ymm" a ",%%ymm" a "\n"

constexpr int kRepeats = 2000;

inline void maddubs() {
  for (int i = 0; i < kRepeats; i++) {
    __asm__ volatile(ROOFLINE_PAIR("0", "8") ROOFLINE_PAIR("1", "9") ROOFLINE_PAIR("2", "10")
                         ROOFLINE_PAIR("3", "11") ROOFLINE_PAIR("4", "12") ROOFLINE_PAIR("5", "8")
                             ROOFLINE_PAIR("6", "9") ROOFLINE_PAIR("7", "10")::
                                 : ROOFLINE_CLOBBERS);
  }
}
inline void shuffles() {
  for (int i = 0; i < kRepeats; i++) __asm__ volatile(ROOFLINE_TEN("y", "vpshufb")::: ROOFLINE_CLOBBERS);
}
inline void fmas() {
  for (int i = 0; i < kRepeats; i++) __asm__ volatile(ROOFLINE_TEN("y", "vfmadd231ps")::: ROOFLINE_CLOBBERS);
}
inline void dots() {
  for (int i = 0; i < kRepeats; i++) __asm__ volatile(ROOFLINE_TEN("z", "vpdpbusd")::: ROOFLINE_CLOBBERS);
}
inline void wide_fmas() {
  for (int i = 0; i < kRepeats; i++) __asm__ volatile(ROOFLINE_TEN("z", "vfmadd231ps")::: ROOFLINE_CLOBBERS);
}
inline void wide_shuffles() {
  for (int i = 0; i < kRepeats; i++) __asm__ volatile(ROOFLINE_TEN("z", "vpshufb")::: ROOFLINE_CLOBBERS);
}

// Reads n bytes, a multiple of 256.
inline void read(const char* p, int64_t n) {
  for (const char* end = p + n; p < end; p += 256) {
    __asm__ volatile(
        "vmovdqu (%0),%%ymm0\nvmovdqu 32(%0),%%ymm1\nvmovdqu 64(%0),%%ymm2\nvmovdqu 96(%0),%%ymm3\n"
        "vmovdqu 128(%0),%%ymm4\nvmovdqu 160(%0),%%ymm5\nvmovdqu 192(%0),%%ymm6\nvmovdqu 224(%0),%%ymm7\n" ::
            "r"(p)
        : ROOFLINE_CLOBBERS);
  }
}
inline void wide_read(const char* p, int64_t n) {
  for (const char* end = p + n; p < end; p += 256) {
    __asm__ volatile(
        "vmovdqu64 (%0),%%zmm0\nvmovdqu64 64(%0),%%zmm1\nvmovdqu64 128(%0),%%zmm2\nvmovdqu64 "
        "192(%0),%%zmm3\n" ::"r"(p)
        : ROOFLINE_CLOBBERS);
  }
}

// `rate` prints a figure; `seconds` times a call.
template <class Seconds, class Rate>
void measure(bool avx512, Seconds seconds, Rate rate) {
  rate("vpmaddubsw and vpaddw, 32 bytes", 8e-9 * 32 * kRepeats / seconds(maddubs), "G multiply-adds/s");
  rate("vpshufb, 32 bytes", 10e-9 * 32 * kRepeats / seconds(shuffles), "G look-ups/s");
  rate("vfmadd231ps, 32 bytes", 20e-9 * 8 * kRepeats / seconds(fmas), "GFLOP/s");
  if (avx512) {
    rate("vpdpbusd, 64 bytes", 10e-9 * 64 * kRepeats / seconds(dots), "G multiply-adds/s");
    rate("vpshufb, 64 bytes", 10e-9 * 64 * kRepeats / seconds(wide_shuffles), "G look-ups/s");
    rate("vfmadd231ps, 64 bytes", 20e-9 * 16 * kRepeats / seconds(wide_fmas), "GFLOP/s");
  }
  const int64_t large = int64_t{256} << 20;
  std::vector<char> memory(static_cast<size_t>(2 * large), 1);
  const auto reads = [&](const char* what, int64_t n, int repeats) {
    const double bytes = 1e-9 * static_cast<double>(n) * repeats;
    char text[80];
    snprintf(text, sizeof text, "%s, 32 bytes at a time", what);
    rate(text, bytes / seconds([&] {
                 for (int i = 0; i < repeats; i++) read(memory.data(), n);
               }),
         "GB/s");
    if (!avx512) return;
    snprintf(text, sizeof text, "%s, 64 bytes at a time", what);
    rate(text, bytes / seconds([&] {
                 for (int i = 0; i < repeats; i++) wide_read(memory.data(), n);
               }),
         "GB/s");
  };
  reads("reading 16 KiB", 16 << 10, 64);
  reads("reading 256 KiB", 256 << 10, 4);
  reads("reading 256 MiB", large, 1);
  using Clock = std::chrono::steady_clock;
  double least = 1e9;
  for (int i = 0; i < 10; i++) {
    const auto begin = Clock::now();
    std::thread other([&] { read(memory.data() + large, large); });
    read(memory.data(), large);
    other.join();
    least = std::min(least, std::chrono::duration<double>(Clock::now() - begin).count());
  }
  rate("reading 256 MiB by each of two threads", 2e-9 * static_cast<double>(large) / least, "GB/s");
}

#else

template <class Seconds, class Rate>
void measure(bool, Seconds, Rate) {}

#endif

}  // namespace roofline

#endif
