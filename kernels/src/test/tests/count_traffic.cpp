// Prints what the MaxSim kernels ask for a token, and the time that follows on two devices, as tables of Markdown.
#include <stdio.h>

#include <algorithm>
#include <vector>

#include "traffic.h"

namespace {

using traffic::Lengths;
using traffic::Sample;

constexpr int kFlops = 16 * 8 * 16 * 2;  // of an mma
constexpr double kTokens = 4000 * (200 + 512) / 2;

// As published; at boost clock.
struct Device {
  const char* name;
  double memory;     // bytes/s
  double tensor;     // FLOP/s, float16 with float32 sums
  double mma_share;  // of it that mma.sync reaches
  double l1;         // bytes/s of all L1 and shared memories: SMs * 128 * clock
};
constexpr Device kDevices[] = {{"H100 SXM", 3.35e12, 989e12, 0.62, 132 * 128 * 1.83e9},
                               {"RTX 4090", 1.008e12, 165e12, 1, 128 * 128 * 2.52e9}};

Sample checked(const std::string& kernel, int nbits, const Lengths& lengths) {
  Sample sample = traffic::sample(kernel, nbits, lengths);
  if (!sample.fault.empty()) {
    fprintf(stderr, "%s\n", sample.fault.c_str());
    exit(1);
  }
  return sample;
}

uint64_t from_memory(const Sample& sample) {
  return sample.own.distinct_sectors + sample.lists.distinct_sectors + sample.lists.written;
}

void print_row(const std::string& kernel, int nbits, const Lengths& lengths) {
  const Sample s = checked(kernel, nbits, lengths);
  printf("| `%s` | %s | %d | %.1f | %.1f | %.1f | %.1f | %.2f | %.0f | %.0f | %.0f | %.1f | %.2f |\n",
         kernel.c_str(), lengths.text().c_str(), s.stored, s.of_token(s.own.read),
         s.of_token(s.own.requested), s.of_token(s.own.sectors), s.of_token(from_memory(s)),
         s.ratio(from_memory(s)), s.of_token(s.table.requested), s.of_token(s.table.sectors),
         s.of_token(s.shared.wavefronts) * 128, s.mma_of_tile(), s.mma_of_tile() / traffic::kLeastMma);
}

void print_bounds(const std::string& kernel, int nbits) {
  const Sample s = checked(kernel, nbits, {200, 512});
  for (const Device& device : kDevices) {
    const double memory = s.of_token(from_memory(s)) / device.memory;
    const double tensor = s.of_token(s.mma) * kFlops / (device.tensor * device.mma_share);
    const double l1 =
        (s.of_token(s.own.sectors + s.table.sectors) + s.of_token(s.shared.wavefronts) * 128) / device.l1;
    const double most = std::max({memory, tensor, l1});
    printf("| `%s` | %s | %.1f | %.1f | %.1f | %.3f |\n", kernel.c_str(), device.name, memory * 1e12,
           tensor * 1e12, l1 * 1e12, most * kTokens * 1e3);
  }
}

}  // namespace

int main() {
  printf(
      "| kernel | tokens a passage | stored | asked by threads | by warps | sectors | from memory | to "
      "stored | table | "
      "its sectors | shared | mma for 16 tokens | to fewest "
      "|\n|---|---|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Lengths& lengths : {Lengths{16, 16}, {45, 45}, {128, 128}, {300, 300}, {1, 300}, {200, 512}})
    print_row("tartan_maxsim_2", 2, lengths);
  for (int nbits : {1, 3, 4, 8}) print_row("tartan_maxsim_" + std::to_string(nbits), nbits, {200, 512});
  for (int nbits : {1, 2, 3, 4, 8}) print_row("tartan_rescore_" + std::to_string(nbits), nbits, {200, 512});
  print_row("tartan_maxsim_dense", 0, {200, 512});
  printf(
      "\n| kernel | device | memory, ps a token | matrix units | L1 and shared | 4,000 passages of 200 to "
      "512, ms "
      "|\n|---|---|---|---|---|---|\n");
  for (int nbits : {1, 2, 3, 4, 8}) print_bounds("tartan_maxsim_" + std::to_string(nbits), nbits);
  print_bounds("tartan_rescore_2", 2);
  print_bounds("tartan_maxsim_dense", 0);
  return 0;
}
