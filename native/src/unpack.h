// Residual codes of 3, 4 and 8 bits to bytes of quantised weights, in the order of the dimensions.
//
// A run of codes, which may span tokens, is taken 64 at a time by look-up in registers. AVX2: the codes are
// brought to bytes and shuffled out of 16 entries, or of 64 for the high six bits of 8-bit codes. AVX-512: a
// permutation of bytes reads six bits of an index, so that a table of 64 entries repeats the weights and
// nothing is masked.
#ifndef TARTAN_UNPACK_H
#define TARTAN_UNPACK_H

#include "integer.h"

#if defined(TARTAN_ISA_AVX2)
#include <immintrin.h>
#endif

namespace tartan::TARTAN_ISA {
namespace {

#if defined(TARTAN_ISA_AVX512)

// The weights of the 64 codes that start at p; only the first `bytes` of them are there.
template <int kBits>
TARTAN_INLINE __m512i unpack_64(const uint8_t* p, int64_t bytes, __m512i table) {
  const __mmask64 there = bytes >= kBits * 8 ? ~uint64_t{0} >> (64 - kBits * 8) : (uint64_t{1} << bytes) - 1;
  const __m512i x = _mm512_maskz_loadu_epi8(there, p);
  if (kBits == 8) return _mm512_permutexvar_epi8(_mm512_srli_epi16(x, 2), table);
  if (kBits == 4) {
    const __m512i wide = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(x));
    return _mm512_permutexvar_epi8(_mm512_or_si512(wide, _mm512_slli_epi16(wide, 4)), table);
  }
  // Three bytes to each eight, then from each the bits from 3 k on to byte k.
  const __m512i spread = _mm512_permutexvar_epi8(
      _mm512_set_epi64(0x171615, 0x141312, 0x11100f, 0x0e0d0c, 0x0b0a09, 0x080706, 0x050403, 0x020100), x);
  const __m512i index = _mm512_multishift_epi64_epi8(_mm512_set1_epi64(0x15120f0c09060300), spread);
  return _mm512_permutexvar_epi8(index, table);
}

template <int kBits>
TARTAN_INLINE void unpack(const uint8_t* codes, int64_t n, const uint8_t* weights, uint8_t* out) {
  const __m512i table = _mm512_loadu_si512(weights);
  for (int64_t i = 0; i < n; i += 64) {
    const int64_t bytes = (n - i) * kBits / 8;
    _mm512_storeu_si512(out + i, unpack_64<kBits>(codes + i * kBits / 8, bytes, table));
  }
}

#elif defined(TARTAN_ISA_AVX2)

struct UnpackTable {
  explicit UnpackTable(const uint8_t* weights) {
    for (int i = 0; i < 4; i++) {
      part[i] =
          _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(weights + i * 16)));
    }
  }
  __m256i part[4];
};

// 32 codes of 8 bits.
TARTAN_INLINE __m256i unpack_bytes(__m256i x, const UnpackTable& table) {
  const __m256i low = _mm256_and_si256(_mm256_srli_epi16(x, 2), _mm256_set1_epi8(15));
  const __m256i bit6 = _mm256_add_epi8(x, x);
  const __m256i a = _mm256_blendv_epi8(_mm256_shuffle_epi8(table.part[0], low),
                                       _mm256_shuffle_epi8(table.part[1], low), bit6);
  const __m256i b = _mm256_blendv_epi8(_mm256_shuffle_epi8(table.part[2], low),
                                       _mm256_shuffle_epi8(table.part[3], low), bit6);
  return _mm256_blendv_epi8(a, b, x);
}

// 32 codes of 3 bits, from 14 bytes of which the last two are not used.
TARTAN_INLINE __m256i unpack_triples(const uint8_t* p, const UnpackTable& table) {
  const __m256i x = _mm256_set_m128i(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p + 6)),
                                     _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  // Each 16 bits receive two codes, which a multiplication shifts to their top.
  const __m256i spread = _mm256_shuffle_epi8(
      x, _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 0, 1, 1, 2, 2, -1, 3, 4, 3, 4, 4, 5, 5, -1)));
  const __m256i top = _mm256_mullo_epi16(
      spread, _mm256_broadcastsi128_si256(_mm_setr_epi16(1024, 16, 64, 256, 1024, 16, 64, 256)));
  const __m256i low = _mm256_and_si256(_mm256_srli_epi16(top, 10), _mm256_set1_epi16(0x0007));
  const __m256i high = _mm256_and_si256(_mm256_srli_epi16(top, 5), _mm256_set1_epi16(0x0700));
  return _mm256_shuffle_epi8(table.part[0], _mm256_or_si256(low, high));
}

// 64 codes; at 3 bits two bytes more are read.
template <int kBits>
TARTAN_INLINE void unpack_64(const uint8_t* p, const UnpackTable& table, uint8_t* out) {
  const __m256i* in = reinterpret_cast<const __m256i*>(p);
  __m256i* to = reinterpret_cast<__m256i*>(out);
  if (kBits == 8) {
    for (int i = 0; i < 2; i++) _mm256_storeu_si256(to + i, unpack_bytes(_mm256_loadu_si256(in + i), table));
  } else if (kBits == 4) {
    const __m256i nibble = _mm256_set1_epi8(15);
    const __m256i x = _mm256_permute4x64_epi64(_mm256_loadu_si256(in), 0xd8);
    const __m256i low = _mm256_shuffle_epi8(table.part[0], _mm256_and_si256(x, nibble));
    const __m256i high =
        _mm256_shuffle_epi8(table.part[0], _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    _mm256_storeu_si256(to, _mm256_unpacklo_epi8(low, high));
    _mm256_storeu_si256(to + 1, _mm256_unpackhi_epi8(low, high));
  } else {
    for (int i = 0; i < 2; i++) _mm256_storeu_si256(to + i, unpack_triples(p + i * 12, table));
  }
}

template <int kBits>
TARTAN_INLINE void unpack(const uint8_t* codes, int64_t n, const uint8_t* weights, uint8_t* out) {
  const UnpackTable table(weights);
  int64_t i = 0;
  for (; i + 64 + (kBits == 3 ? 8 : 0) <= n; i += 64) unpack_64<kBits>(codes + i * kBits / 8, table, out + i);
  for (; i < n; i += 64) {
    uint8_t rest[kBits * 8 + 8] = {};
    memcpy(rest, codes + i * kBits / 8, static_cast<size_t>(smaller(n - i, 64) * kBits / 8));
    unpack_64<kBits>(rest, table, out + i);
  }
}

#else

template <int kBits>
TARTAN_INLINE void unpack(const uint8_t* codes, int64_t n, const uint8_t* weights, uint8_t* out) {
  for (int64_t i = 0; i < n; i++) {
    const int64_t bit = i * kBits;
    uint32_t code = codes[bit >> 3] >> (bit & 7);
    if ((bit & 7) + kBits > 8) code |= static_cast<uint32_t>(codes[(bit >> 3) + 1]) << (8 - (bit & 7));
    out[i] = weights[kBits == 8 ? code >> 2 : code & ((1 << kBits) - 1)];
  }
}

#endif

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
