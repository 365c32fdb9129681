// What the vocabulary computes: mma, shuffles, votes, halves, bytes, atomics.
#include <math.h>

#include <random>
#include <tuple>

#include "count.h"
#include "fixture.h"
#include "tartan.cuh"

using fixture::Device;

namespace {

struct MmaArguments {
  const uint16_t* a;  // [16, 16]
  const uint16_t* b;  // [16, 8]
  const float* c;     // [16, 8]
  float* d;
};

struct WarpArguments {
  int64_t* shuffled;
  float* crossed;
  uint32_t* votes;
  int32_t* sums;
};

struct OrderArguments {
  int32_t* next;     // 2 counters
  int32_t* tickets;  // [2, threads]: the order before and after a barrier
};

struct AtomicArguments {
  int32_t* sum;
  int64_t* wide;
  float* real;
  int32_t* most;
  uint32_t* bits;
};

struct BankArguments {
  int32_t* out;
  int32_t stride;
  int32_t reserved;
};

}  // namespace

// Fragments as the PTX ISA lays them out for mma.m16n8k16.
TARTAN_KERNEL(test_mma, 32, MmaArguments) {
  const View<const uint16_t> a(arguments.a), b(arguments.b);
  const View<const float> c(arguments.c);
  const View<float> out(arguments.d);
  const int group = lane() / 4, in_group = lane() % 4;
  uint32_t of_a[4], of_b[2];
  for (int i = 0; i < 8; i++) {
    const int row = i % 4 < 2 ? group : group + 8;
    const int column = in_group * 2 + (i & 1) + (i >= 4 ? 8 : 0);
    const uint32_t half = a[row * 16 + column];
    of_a[i / 2] = i % 2 == 0 ? half : of_a[i / 2] | half << 16;
  }
  for (int i = 0; i < 4; i++) {
    const int row = in_group * 2 + (i & 1) + (i >= 2 ? 8 : 0);
    const uint32_t half = b[row * 8 + group];
    of_b[i / 2] = i % 2 == 0 ? half : of_b[i / 2] | half << 16;
  }
  float d[4];
  for (int i = 0; i < 4; i++) d[i] = c[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)];
  mma(d, of_a, of_b);
  for (int i = 0; i < 4; i++) out[(i < 2 ? group : group + 8) * 8 + in_group * 2 + (i & 1)] = d[i];
}

TARTAN_KERNEL(test_warp, 64, WarpArguments) {
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t shuffled = shuffle(static_cast<int64_t>(thread) << 40, (lane() * 7 + 3) % 32);
  View<int64_t>(arguments.shuffled)[thread] = shuffled;
  const float crossed = shuffle_xor(thread * 0.5f, 5);
  View<float>(arguments.crossed)[thread] = crossed;
  const uint32_t votes = ballot(thread % 3 == 0);
  View<uint32_t>(arguments.votes)[thread] = votes;
  const int32_t sum = sum_of_warp(thread);
  View<int32_t>(arguments.sums)[thread] = sum;
}

TARTAN_KERNEL(test_order, 256, OrderArguments) {
  const int32_t i = static_cast<int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  for (int turn = 0; turn < 2; turn++) {
    const int32_t ticket = atomic_add(View<int32_t>(arguments.next), turn, 1);
    View<int32_t>(arguments.tickets)[turn * static_cast<int>(gridDim.x * blockDim.x) + i] = ticket;
    sync_block();
  }
}

TARTAN_KERNEL(test_atomics, 256, AtomicArguments) {
  const int32_t i = static_cast<int32_t>(blockIdx.x * blockDim.x + threadIdx.x);
  atomic_add(View<int32_t>(arguments.sum), 0, i);
  atomic_add(View<int64_t>(arguments.wide), 0, static_cast<int64_t>(i) << 33);
  atomic_add(View<float>(arguments.real), 0, 1.0f);
  atomic_max(View<int32_t>(arguments.most), 0, i ^ 0x55);
  atomic_or(View<uint32_t>(arguments.bits), i % 4, 1u << i % 32);
}

TEST(mma_is_a_product) {
  std::mt19937_64 random(11);
  for (int round = 0; round < 50; round++) {
    check::where = "round " + std::to_string(round);
    std::vector<uint16_t> a(16 * 16), b(16 * 8);
    std::vector<float> c(16 * 8);
    std::normal_distribution<float> normal;
    for (uint16_t& x : a) x = float_to_half(normal(random));
    for (uint16_t& x : b) x = float_to_half(normal(random));
    for (float& x : c) x = normal(random);
    const Device<uint16_t> device_a(a), device_b(b);
    const Device<float> device_c(c), device_d(16 * 8);
    const MmaArguments arguments = {device_a.at(), device_b.at(), device_c.at(), device_d.at()};
    const emulation::Outcome outcome = fixture::launch("test_mma", arguments, fixture::shape(1, 32, round));
    if (!CHECK(outcome.fault == emulation::Fault::kNone)) fprintf(stderr, "%s\n", outcome.text.c_str());
    const std::vector<float> d = device_d.get();
    for (int i = 0; i < 16; i++) {
      for (int j = 0; j < 8; j++) {
        double sum = c[i * 8 + j], size = fabs(sum);
        for (int k = 0; k < 16; k++) {
          const double product = double{half_to_float(a[i * 16 + k])} * half_to_float(b[k * 8 + j]);
          sum += product;
          size += fabs(product);
        }
        CHECK(fabs(d[i * 8 + j] - sum) <= 2e-6 * size);
      }
    }
  }
}

TEST(warp_operations) {
  for (int seed = 0; seed < 20; seed++) {
    check::where = "seed " + std::to_string(seed);
    const Device<int64_t> shuffled(64);
    const Device<float> crossed(64);
    const Device<uint32_t> votes(64);
    const Device<int32_t> sums(64);
    const WarpArguments arguments = {shuffled.at(), crossed.at(), votes.at(), sums.at()};
    CHECK(fixture::launch("test_warp", arguments, fixture::shape(1, 64, seed)).fault ==
          emulation::Fault::kNone);
    for (int i = 0; i < 64; i++) {
      const int first = i / 32 * 32;
      CHECK(shuffled.get()[i] == static_cast<int64_t>(first + (i % 32 * 7 + 3) % 32) << 40);
      CHECK(crossed.get()[i] == (i ^ 5) * 0.5f);
      uint32_t vote = 0;
      int32_t sum = 0;
      for (int l = 0; l < 32; l++) {
        if ((first + l) % 3 == 0) vote |= 1u << l;
        sum += first + l;
      }
      CHECK(votes.get()[i] == vote);
      CHECK(sums.get()[i] == sum);
    }
  }
}

TEST(orders_follow_from_the_seed) {
  constexpr int kThreads = 512;
  const auto order = [](uint64_t seed) {
    const Device<int32_t> next(std::vector<int32_t>(2, 0)), tickets(2 * kThreads);
    const OrderArguments arguments = {next.at(), tickets.at()};
    CHECK(fixture::launch("test_order", arguments, fixture::shape(2, 256, seed)).fault ==
          emulation::Fault::kNone);
    return tickets.get();
  };
  const std::vector<int32_t> first = order(1);
  CHECK(first == order(1));
  CHECK(std::vector<int32_t>(first.begin(), first.begin() + kThreads) !=
        std::vector<int32_t>(first.begin() + kThreads, first.end()));
  int second_block_first = 0;
  for (uint64_t seed = 2; seed < 42; seed++) {
    const std::vector<int32_t> other = order(seed);
    CHECK(other != first);
    if (other[0] >= 256) second_block_first++;
  }
  CHECK(second_block_first > 5 && second_block_first < 35);
}

TEST(atomics) {
  const Device<int32_t> sum(std::vector<int32_t>{0}), most(std::vector<int32_t>{-1});
  const Device<int64_t> wide(std::vector<int64_t>{0});
  const Device<float> real(std::vector<float>{0});
  const Device<uint32_t> bits(std::vector<uint32_t>(4, 0));
  const AtomicArguments arguments = {sum.at(), wide.at(), real.at(), most.at(), bits.at()};
  CHECK(fixture::launch("test_atomics", arguments, fixture::shape(4, 256)).fault == emulation::Fault::kNone);
  CHECK(sum.get()[0] == 1023 * 512);
  CHECK(wide.get()[0] == static_cast<int64_t>(1023 * 512) << 33);
  CHECK(real.get()[0] == 1024);
  CHECK(most.get()[0] == 1023);
  CHECK(bits.get()[0] == 0x11111111 && bits.get()[3] == 0x88888888);
}

// Fields of a half, put together in double.
static double value_of(int half) {
  const int exponent = half >> 10 & 31, fraction = half & 1023;
  const double size = exponent == 0 ? ldexp(fraction, -24) : ldexp(1024 + fraction, exponent - 25);
  return half & 0x8000 ? -size : size;
}

TEST(halves) {
  for (int half = 0; half < 65536; half++) {
    check::where = "half " + std::to_string(half);
    const float x = half_to_float(static_cast<uint16_t>(half));
    if ((half & 0x7fff) > 0x7c00) {
      CHECK(isnan(x));
      CHECK(float_to_half(x) == 0x7fff);
      continue;
    }
    if ((half & 0x7fff) == 0x7c00) {
      CHECK(isinf(x) && (x < 0) == (half > 0x8000));
    } else {
      CHECK(x == value_of(half) && signbit(x) == (half >= 0x8000));
    }
    CHECK(float_to_half(x) == half);
    uint32_t pair = static_cast<uint32_t>(half) << 16 | static_cast<uint32_t>(half ^ 0x1234);
    const uint32_t pairs[4] = {pair, 0, 0, 0};
    float floats[8];
    emulation::halves_to_floats(pairs, floats, 8);
    CHECK(bits_of(floats[1]) == bits_of(x));
  }
}

TEST(rounding_to_halves) {
  for (int half = 0; half < 0x7c00; half++) {
    check::where = "half " + std::to_string(half);
    const double low = value_of(half), high = half == 0x7bff ? 65536 : value_of(half + 1);
    const float middle = static_cast<float>((low + high) / 2);
    const int even = half % 2 == 0 ? half : half + 1;
    CHECK(float_to_half(middle) == even);
    CHECK(float_to_half(-middle) == (even | 0x8000));
    CHECK(float_to_half(nextafterf(middle, 0)) == half);
    CHECK(float_to_half(nextafterf(middle, infinity())) == half + 1);
  }
  CHECK(float_to_half(1e30f) == 0x7c00 && float_to_half(-1e30f) == 0xfc00);
  CHECK(float_to_half(1e-30f) == 0 && float_to_half(-1e-30f) == 0x8000);
  CHECK(float_to_half(not_a_number()) == 0x7fff);
  CHECK(halves_of(1, -2) == 0xc0003c00);
}

TEST(bytes) {
  CHECK(permute_bytes(0x33221100, 0x77665544, 0x3210) == 0x33221100);
  CHECK(permute_bytes(0x33221100, 0x77665544, 0x7531) == 0x77553311);
  CHECK(permute_bytes(0x33221100, 0x77665544, 0x0000) == 0);
  CHECK(permute_bytes(0x33228180, 0x77f65544, 0xe981) == 0xffffff81);
  CHECK(permute_bytes(0x33227180, 0x77665544, 0xe984) == 0x0000ff44);
  CHECK(dot_bytes(0x01020304, 0x01010101, 5) == 15);
  CHECK(dot_bytes(static_cast<int32_t>(0x80808080), static_cast<int32_t>(0x80808080), 0) == 65536);
  CHECK(dot_bytes(static_cast<int32_t>(0xff7f0180), 0x02020202, -1) == -1 + 2 * (-1 + 127 + 1 - 128));
  CHECK(count_bits(0xf0f00001) == 9);
  std::mt19937 random(3);
  for (int i = 0; i < 1000; i++) {
    const uint32_t a = static_cast<uint32_t>(random()), b = static_cast<uint32_t>(random());
    int32_t sum = 7;
    for (int k = 0; k < 32; k += 8) sum += static_cast<int8_t>(a >> k) * static_cast<int8_t>(b >> k);
    CHECK(dot_bytes(static_cast<int32_t>(a), static_cast<int32_t>(b), 7) == sum);
  }
}

TARTAN_KERNEL(test_banks, 32, BankArguments) {
  TARTAN_SHARED(int32_t, words, 1024);
  const View<int32_t> out(arguments.out);
  for (int i = 0; i < 32; i++) words[i * 32 + lane()] = i;
  sync_warp();
  const int32_t word = words[lane() * arguments.stride];
  out[lane() * arguments.stride] = word;
}

// Rows of 32 words are written in a cycle each; reading takes as many as there are words of one bank.
TEST(counts_cycles_of_banks) {
  for (const auto& [stride, cycles, sectors] : {std::tuple{1, 1, 4}, {2, 2, 8}, {17, 1, 32}, {32, 32, 32}}) {
    check::where = "stride " + std::to_string(stride);
    Device<int32_t> out(1024);
    emulation::start_counting();
    const BankArguments arguments = {out.at(), stride, 0};
    CHECK(fixture::launch("test_banks", arguments, fixture::shape(1, 32)).text.empty());
    emulation::stop_counting();
    const emulation::Counts counts = emulation::counted();
    CHECK(counts.shared.wavefronts == 32u + cycles);
    CHECK(counts.shared.read == 128 && counts.shared.written == 4096);
    CHECK(counts.shared.sectors == static_cast<uint64_t>(sectors) * emulation::kSector);
    CHECK(counts.allocations.at(reinterpret_cast<uintptr_t>(out.at())).written == 128);
  }
}
