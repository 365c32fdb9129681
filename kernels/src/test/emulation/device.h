// The vocabulary of tartan.cuh on a CPU: every access through a View goes to the machine, which checks it.
//
// An element of a View<T> is a proxy that reads or writes once, at once. It cannot be kept: `auto x =
// view[i]` compiles, but x cannot be used. Write `const float x = view[i]`.
#ifndef TARTAN_EMULATION_DEVICE_H
#define TARTAN_EMULATION_DEVICE_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <type_traits>

#include "half.h"
#include "machine.h"
#include "vectors.h"

#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__ __restrict
#define __align__(n) alignas(n)

#define threadIdx (::emulation::dimensions.thread_index)
#define blockIdx (::emulation::dimensions.block_index)
#define blockDim (::emulation::dimensions.block_size)
#define gridDim (::emulation::dimensions.grid_size)

#define TARTAN_KERNEL(name, threads, Arguments)                                  \
  static void name(const Arguments& arguments);                                  \
  static const ::emulation::Register name##_register(                            \
      {#name, threads, sizeof(Arguments),                                        \
       [](const void* bytes) { name(*static_cast<const Arguments*>(bytes)); }}); \
  static void name([[maybe_unused]] const Arguments& arguments)
#define TARTAN_DEVICE [[maybe_unused]] static inline
// Arrays are aligned no better than tartan.cuh says, else than their elements.
#if defined(TARTAN_SHARED_ALIGNMENT)
#define TARTAN_ALIGNMENT_OF_EMULATION(type) \
  (alignof(type) > TARTAN_SHARED_ALIGNMENT ? alignof(type) : TARTAN_SHARED_ALIGNMENT)
#else
#define TARTAN_ALIGNMENT_OF_EMULATION(type) alignof(type)
#endif
#define TARTAN_SHARED(type, name, count)                              \
  static const char name##_key = 0;                                   \
  const View<type> name(static_cast<type*>(::emulation::shared_array( \
      &name##_key, #name, sizeof(type) * (count), TARTAN_ALIGNMENT_OF_EMULATION(type))))
#define TARTAN_DYNAMIC_SHARED(type, name) \
  const View<type> name(static_cast<type*>(::emulation::dynamic_shared()))

template <class T>
inline T read_of_emulation(const void* base, int64_t offset, uint32_t alignment) {
  T value;
  memcpy(&value, ::emulation::access(base, offset, sizeof(T), alignment, ::emulation::kRead), sizeof(T));
  return value;
}
template <class T>
inline void write_of_emulation(void* base, int64_t offset, uint32_t alignment, const T& value) {
  memcpy(::emulation::access(base, offset, sizeof(T), alignment, ::emulation::kWrite), &value, sizeof(T));
}

template <class T>
class Element {
 public:
  Element(T* base, int64_t i) : base_(base), offset_(i * static_cast<int64_t>(sizeof(T))) {}
  Element(const Element&) = delete;

  operator T() const&& { return get(); }
  void operator=(T value) const&& { set(value); }
  void operator=(const Element& other) const&& { set(other.get()); }
  template <class V>
  void operator+=(V value) const&& {
    set(static_cast<T>(get() + value));
  }
  template <class V>
  void operator-=(V value) const&& {
    set(static_cast<T>(get() - value));
  }
  template <class V>
  void operator*=(V value) const&& {
    set(static_cast<T>(get() * value));
  }
  template <class V>
  void operator|=(V value) const&& {
    set(static_cast<T>(get() | value));
  }
  template <class V>
  void operator&=(V value) const&& {
    set(static_cast<T>(get() & value));
  }
  template <class V>
  void operator^=(V value) const&& {
    set(static_cast<T>(get() ^ value));
  }
  void operator++() const&& { set(static_cast<T>(get() + 1)); }
  void operator++(int) const&& { set(static_cast<T>(get() + 1)); }

 private:
  T get() const { return read_of_emulation<T>(base_, offset_, alignof(T)); }
  void set(T value) const { write_of_emulation(base_, offset_, alignof(T), value); }

  T* base_;
  int64_t offset_;
};

template <class T>
struct View {
  explicit View(T* p) : p(p) {}
  template <class U, class = std::enable_if_t<std::is_same_v<const U, T>>>
  View(View<U> view) : p(view.p) {}

  auto operator[](int64_t i) const {
    if constexpr (std::is_const_v<T>) {
      return read_of_emulation<std::remove_const_t<T>>(p, i * static_cast<int64_t>(sizeof(T)), alignof(T));
    } else {
      return Element<T>(p, i);
    }
  }
  View operator+(int64_t n) const { return View(p + n); }

  T* p;
};

template <class V, class T>
inline V load_as(View<T> view, int64_t i) {
  return read_of_emulation<V>(view.p, i * static_cast<int64_t>(sizeof(T)), alignof(V));
}
template <class V, class T>
inline void store_as(View<T> view, int64_t i, V v) {
  write_of_emulation(view.p, i * static_cast<int64_t>(sizeof(T)), alignof(V), v);
}

template <int kBytes, class T, class S>
inline void copy_async(View<T> to, int64_t i, View<S> from, int64_t j) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16);
  ::emulation::copy_later(to.p, i * static_cast<int64_t>(sizeof(T)), from.p,
                          j * static_cast<int64_t>(sizeof(S)), kBytes);
}
inline void commit_async() { ::emulation::commit_copies(); }
template <int kPending>
inline void wait_async() {
  ::emulation::wait_for_copies(kPending);
}

inline void sync_block(int line = __builtin_LINE()) { ::emulation::block_barrier(line); }
inline void sync_warp(int line = __builtin_LINE()) { ::emulation::warp_barrier(line); }
template <class T>
inline T shuffle(T v, int lane, int line = __builtin_LINE()) {
  static_assert(sizeof(T) <= sizeof(uint64_t) && std::is_arithmetic_v<T>);
  uint64_t bits = 0;
  memcpy(&bits, &v, sizeof v);
  bits = ::emulation::exchange(bits, lane, line);
  memcpy(&v, &bits, sizeof v);
  return v;
}
template <class T>
inline T shuffle_xor(T v, int mask, int line = __builtin_LINE()) {
  return shuffle(v, static_cast<int>(threadIdx.x) ^ mask, line);
}
inline uint32_t ballot(bool b, int line = __builtin_LINE()) { return ::emulation::vote(b, line); }
inline void mma(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], int line = __builtin_LINE()) {
  ::emulation::multiply(d, a, b, line);
}

template <class T>
inline T* atomic_of_emulation(View<T> view, int64_t i) {
  return static_cast<T*>(::emulation::access(view.p, i * static_cast<int64_t>(sizeof(T)), sizeof(T),
                                             sizeof(T), ::emulation::kAtomic));
}
template <class T>
inline T atomic_add(View<T> view, int64_t i, std::type_identity_t<T> v) {
  T* at = atomic_of_emulation(view, i);
  const T before = *at;
  if constexpr (std::is_integral_v<T>) {
    *at = static_cast<T>(static_cast<std::make_unsigned_t<T>>(before) +
                         static_cast<std::make_unsigned_t<T>>(v));
  } else {
    *at = before + v;
  }
  return before;
}
template <class T>
inline T atomic_max(View<T> view, int64_t i, std::type_identity_t<T> v) {
  T* at = atomic_of_emulation(view, i);
  const T before = *at;
  if (before < v) *at = v;
  return before;
}
template <class T>
inline T atomic_or(View<T> view, int64_t i, std::type_identity_t<T> v) {
  T* at = atomic_of_emulation(view, i);
  const T before = *at;
  *at = before | v;
  return before;
}

inline float half_to_float(uint16_t half) { return ::emulation::half_to_float(half); }
inline uint16_t float_to_half(float x) { return ::emulation::float_to_half(x); }
inline uint32_t halves_of(float low, float high) {
  return float_to_half(low) | static_cast<uint32_t>(float_to_half(high)) << 16;
}

// PTX prmt: a nibble's low three bits choose a byte, its highest one that byte's sign, eight times.
inline uint32_t permute_bytes(uint32_t a, uint32_t b, uint32_t selector) {
  const uint64_t bytes = static_cast<uint64_t>(b) << 32 | a;
  uint32_t out = 0;
  for (int i = 0; i < 4; i++) {
    const uint32_t nibble = selector >> 4 * i & 15;
    uint32_t byte = bytes >> 8 * (nibble & 7) & 0xff;
    if (nibble & 8) byte = byte & 0x80 ? 0xff : 0;
    out |= byte << 8 * i;
  }
  return out;
}
inline int32_t dot_bytes(int32_t a, int32_t b, int32_t c) {
  uint32_t sum = static_cast<uint32_t>(c);
  for (int i = 0; i < 32; i += 8) {
    sum += static_cast<uint32_t>(static_cast<int8_t>(a >> i) * static_cast<int8_t>(b >> i));
  }
  return static_cast<int32_t>(sum);
}
inline int32_t count_bits(uint32_t x) { return __builtin_popcount(x); }
inline uint32_t bits_of(float x) { return ::emulation::bits_of_float(x); }
inline float float_of(uint32_t bits) { return ::emulation::float_of_bits(bits); }

#endif
