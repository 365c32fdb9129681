// The vocabulary of all kernels. What is here has two implementations: this one for devices, and emulation/device.h, by which
// the same kernel sources run on a CPU, where every access through a View is checked.
//
//   TARTAN_KERNEL(name, threads, Arguments) { ... arguments.x ... }     a kernel of blocks of `threads`
//   TARTAN_KERNEL_OF_BLOCKS(name, threads, blocks, Arguments)     whose registers let so many blocks be resident
//   TARTAN_SHARED(type, name, count);  TARTAN_DYNAMIC_SHARED(type, name);   View<type> name
//   View<T>(pointer), view[i], view + n       memory of a block or of the device, element by element
//   load_as<V>(view, i), store_as<V>(view, i, v)     a vector V from element i on, aligned to its size
//   copy_async<n>(shared, i, view, j), commit_async(), wait_async<pending>()     n = 4, 8 or 16 bytes
//   sync_block(), sync_warp(), shuffle(v, lane), shuffle_xor(v, mask), ballot(b)     by all threads of a block or warp
//   atomic_add, atomic_max, atomic_or (view, i, v): what stood there before
//   mma(d, a, b)     d [16, 8] float += a [16, 16] * b [16, 8] float16, as mma.sync.m16n8k16 spreads them over a warp
//
// Compiled with --fmad=false: products are fused only where fmaf stands, so integers and codes are those of the CPU.
#ifndef TARTAN_CUH
#define TARTAN_CUH

#include "arguments.cuh"

#define TARTAN_SHARED_ALIGNMENT 16  // for copies and vectors of 16 bytes

#if defined(TARTAN_EMULATED)
#include "device.h"
#define TARTAN_KERNEL_OF_BLOCKS(name, threads, blocks, Arguments) TARTAN_KERNEL(name, threads, Arguments)
#else

#define TARTAN_KERNEL_OF_BLOCKS(name, threads, blocks, Arguments) \
  extern "C" __global__ void __launch_bounds__(threads, blocks) name(const Arguments arguments)
#define TARTAN_KERNEL(name, threads, Arguments) TARTAN_KERNEL_OF_BLOCKS(name, threads, 1, Arguments)
#define TARTAN_DEVICE static __device__ __forceinline__
#define TARTAN_SHARED(type, name, count)        \
  __shared__ __align__(TARTAN_SHARED_ALIGNMENT) \
  type name##_memory[count];                    \
  const View<type> name(name##_memory)
#define TARTAN_DYNAMIC_SHARED(type, name)                                \
  extern __shared__ __align__(16) unsigned char tartan_dynamic_memory[]; \
  const View<type> name(reinterpret_cast<type*>(tartan_dynamic_memory))

template <class T>
struct View {
  __device__ __forceinline__ explicit View(T* p) : p(p) {}
  __device__ __forceinline__ T& operator[](int64_t i) const { return p[i]; }
  __device__ __forceinline__ View operator+(int64_t n) const { return View(p + n); }
  T* p;
};

template <class V, class T>
TARTAN_DEVICE V load_as(View<T> view, int64_t i) {
  return *reinterpret_cast<const V*>(view.p + i);
}
template <class V, class T>
TARTAN_DEVICE void store_as(View<T> view, int64_t i, V v) {
  *reinterpret_cast<V*>(view.p + i) = v;
}

template <int kBytes, class T, class S>
TARTAN_DEVICE void copy_async(View<T> to, int64_t i, View<S> from, int64_t j) {
  const uint32_t address = static_cast<uint32_t>(__cvta_generic_to_shared(to.p + i));
  if (kBytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(address), "l"(from.p + j) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(address), "l"(from.p + j), "n"(kBytes)
                 : "memory");
  }
}
TARTAN_DEVICE void commit_async() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kPending>
TARTAN_DEVICE void wait_async() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

TARTAN_DEVICE void sync_block() { __syncthreads(); }
TARTAN_DEVICE void sync_warp() { __syncwarp(); }
template <class T>
TARTAN_DEVICE T shuffle(T v, int lane) {
  return __shfl_sync(~0u, v, lane);
}
template <class T>
TARTAN_DEVICE T shuffle_xor(T v, int mask) {
  return __shfl_xor_sync(~0u, v, mask);
}
TARTAN_DEVICE uint32_t ballot(bool b) { return __ballot_sync(~0u, b); }

template <class T>
TARTAN_DEVICE T atomic_add(View<T> view, int64_t i, T v) {
  return atomicAdd(view.p + i, v);
}
TARTAN_DEVICE int64_t atomic_add(View<int64_t> view, int64_t i, int64_t v) {
  return static_cast<int64_t>(
      atomicAdd(reinterpret_cast<unsigned long long*>(view.p + i), static_cast<unsigned long long>(v)));
}
template <class T>
TARTAN_DEVICE T atomic_max(View<T> view, int64_t i, T v) {
  return atomicMax(view.p + i, v);
}
template <class T>
TARTAN_DEVICE T atomic_or(View<T> view, int64_t i, T v) {
  return atomicOr(view.p + i, v);
}

TARTAN_DEVICE void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, "
      "%1, %2, %3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Two float16 in a register: `low` in the lower half.
TARTAN_DEVICE uint32_t halves_of(float low, float high) {
  uint32_t halves;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(halves) : "f"(high), "f"(low));
  return halves;
}
TARTAN_DEVICE float half_to_float(uint16_t half) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(half));
  return x;
}
TARTAN_DEVICE uint16_t float_to_half(float x) {
  uint16_t half;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(half) : "f"(x));
  return half;
}
// Bytes of a (0..3) and b (4..7), chosen by four nibbles of `selector`.
TARTAN_DEVICE uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
  return __byte_perm(a, b, selector);
}
// c + the sum of the products of four signed bytes.
TARTAN_DEVICE int32_t dot_bytes(int32_t a, int32_t b, int32_t c) { return __dp4a(a, b, c); }
TARTAN_DEVICE int32_t count_bits(uint32_t x) { return __popc(x); }
TARTAN_DEVICE uint32_t bits_of(float x) { return __float_as_uint(x); }
TARTAN_DEVICE float float_of(uint32_t bits) { return __uint_as_float(bits); }

#endif

#if defined(TARTAN_EMULATED)
#define TARTAN_UNROLL
#define TARTAN_METHOD
#else
#define TARTAN_UNROLL _Pragma("unroll")
#define TARTAN_METHOD __device__ __forceinline__
#endif

constexpr int kWarp = 32;

TARTAN_DEVICE int lane() { return threadIdx.x % kWarp; }
TARTAN_DEVICE int warp() { return threadIdx.x / kWarp; }

template <class T>
TARTAN_DEVICE T smaller(T a, T b) {
  return a < b ? a : b;
}
template <class T>
TARTAN_DEVICE T greater(T a, T b) {
  return a > b ? a : b;
}

TARTAN_DEVICE float infinity() { return float_of(0x7f800000u); }
TARTAN_DEVICE float not_a_number() { return float_of(0x7fc00000u); }

// To the nearest, ties to even.
TARTAN_DEVICE int32_t nearest(float x) { return static_cast<int32_t>(rintf(x)); }

TARTAN_DEVICE int32_t clamp(int32_t x, int32_t low, int32_t high) {
  return x < low ? low : x > high ? high : x;
}

template <class T>
TARTAN_DEVICE T sum_of_warp(T x) {
  for (int mask = kWarp / 2; mask > 0; mask /= 2) x += shuffle_xor(x, mask);
  return x;
}

// One centroid number, or -1 with a status if the codes are damaged.
TARTAN_DEVICE int32_t code_of(const Passages& passages, int64_t token, int64_t centroids, int32_t* status) {
  const int32_t code = passages.code_bytes == 2
                           ? View<const uint16_t>(static_cast<const uint16_t*>(passages.codes))[token]
                           : View<const int32_t>(static_cast<const int32_t*>(passages.codes))[token];
  if (static_cast<uint64_t>(static_cast<int64_t>(code)) < static_cast<uint64_t>(centroids)) return code;
  atomic_max(View<int32_t>(status), 0, static_cast<int32_t>(kBadCode));
  return -1;
}

// The tokens [first, last) of a candidate; none, with a status, if there is no such passage.
struct TokenRange {
  int64_t first;
  int64_t last;
};

TARTAN_DEVICE TokenRange tokens_of(const int64_t* offsets, int64_t count, int32_t passage, int32_t* status) {
  if (static_cast<uint64_t>(static_cast<int64_t>(passage)) >= static_cast<uint64_t>(count)) {
    atomic_max(View<int32_t>(status), 0, static_cast<int32_t>(kBadPassage));
    return {0, 0};
  }
  const View<const int64_t> at(offsets);
  return {at[passage], at[static_cast<int64_t>(passage) + 1]};
}

#endif
