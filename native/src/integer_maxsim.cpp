// MaxSim over compressed passages in integers.
//
//   a(r, t): by look-up at 1 and 2 bits (lookup.h), by dot products of bytes at 3, 4 and 8 (dots.h)
//   SCALED: x = scores[code[t], r] + high(a << shift, factor)       factor = round(multiplier * factors[t])
//   UNIT:   x = high(scores[code[t], r] + (a << shift), factor)
//   out[i] = unit * sum over rows r of max over the tokens t of candidate i of x(r, t)
// where high(a, b) = (a * b + 2^14) >> 15 and additions of 16-bit numbers saturate.
//
// Lanes are query rows, 32 of them a block. A token reads dim * nbits / 8 bytes of residual, 2 or 4 of code
// and 2 of factor in order, and lanes * 2 bytes of scores at random, which are prefetched.
#include "raise.h"

#if defined(TARTAN_ISA_AVX512)
namespace tartan::avx2 {
int32_t integer_maxsim(const tartan_integer_query* query, const tartan_codec* codec,
                       const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out);
}
#endif

namespace tartan::TARTAN_ISA {

int32_t integer_maxsim(const tartan_integer_query* query, const tartan_codec* codec,
                       const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out) {
#if defined(TARTAN_ISA_AVX512)
  // The same look-ups, compiled for AVX-512, take a sixth longer.
  if (codec->nbits <= 2) return avx2::integer_maxsim(query, codec, tokens, candidates, n, out);
#endif
  const Job job = job_of(query, codec, tokens);
  const Raise raise = raise_of(codec);
  for (int64_t i = 0; i < n; i++) {
    if (!within(candidates[i], tokens->passages)) return TARTAN_BAD_PASSAGE;
    const int64_t begin = tokens->offsets[candidates[i]];
    const int64_t end = tokens->offsets[candidates[i] + 1];
    if (i + 1 < n) prefetch_passage(job, candidates[i + 1]);
    int16_t top[256];
    if (!raise_passage(job, raise, begin, end, top, nullptr)) return TARTAN_BAD_CODE;
    int32_t sum = 0;
    for (int64_t r = 0; r < job.head->rows; r++) sum += top[r];
    out[i] = begin < end ? static_cast<float>(sum) * job.head->unit : -kInfinity;
  }
  return TARTAN_OK;
}

}  // namespace tartan::TARTAN_ISA
