// MaxSim in integers of two queries of at most 16 rows with the same candidates.
//
// By look-up a query of up to 16 rows leaves half of every entry of its tables empty. Here the tables of the
// second query fill it: one load for the rows of both, the same bits for each as alone. Joining the tables
// (up to 64 KiB read, 32 written at 2 bits and dim 128) costs as much as some 50 tokens. By dots, where 16
// rows cost half of 32 already, the queries go one after the other, and so they do in plain C++.
#include "raise.h"

#if defined(TARTAN_ISA_AVX512)
namespace tartan::avx2 {
int32_t integer_maxsim_pair(const tartan_integer_query* first, const tartan_integer_query* second,
                            const tartan_codec* codec, const tartan_passages* tokens,
                            const int32_t* candidates, int64_t n, float* out_first, float* out_second);
}
#endif

namespace tartan::TARTAN_ISA {
namespace {

#if defined(TARTAN_ISA_AVX2) && !defined(TARTAN_ISA_AVX512)

// The first 16 rows of two queries as the 32 rows of one.
struct Pair {
  Job first;
  Job second;
  const int16_t* bias;   // [32]
  const uint8_t* table;  // uint8 [groups / 2, 16, 2, 32]
};

void join(const Job& first, const Job& second, int16_t* bias, uint8_t* table) {
  store(bias, load(at<int16_t>(first.head, first.place.bias)));
  store(bias + 16, load(at<int16_t>(second.head, second.place.bias)));
  const uint8_t* a = at<uint8_t>(first.head, first.place.tables);
  const uint8_t* b = at<uint8_t>(second.head, second.place.tables);
  const __m256i even = _mm256_set1_epi16(255);
  for (int64_t i = 0; i < first.head->groups * 16 * kBlock; i += 32) {
    const __m256i low = _mm256_and_si256(load(a + i), even);
    store(table + i, _mm256_or_si256(low, _mm256_slli_epi16(load(b + i), 8)));
  }
}

template <bool kScaled, int64_t kBytes>
void raise_pair(const Pair& pair, const Chunk& a, const Chunk& b, int16_t* top) {
  const Half first = {a.scores, 0, a.factor, _mm_cvtsi32_si128(pair.first.head->shift)};
  const Half second = {b.scores, 0, b.factor, _mm_cvtsi32_si128(pair.second.head->shift)};
  raise_halves<kScaled>(pair.table, pair.bias, kBytes ? kBytes : pair.first.residual_bytes, a, first, second,
                        top, nullptr, 0);
}

using RaisePair = void (*)(const Pair& pair, const Chunk& a, const Chunk& b, int16_t* top);

template <bool kScaled>
RaisePair raise_pair_of(int64_t bytes) {
  return bytes == 16   ? raise_pair<kScaled, 16>
         : bytes == 32 ? raise_pair<kScaled, 32>
                       : raise_pair<kScaled, 0>;
}

float score_of(const Job& job, const int16_t* top, bool empty) {
  int32_t sum = 0;
  for (int64_t r = 0; r < job.head->rows; r++) sum += top[r];
  return empty ? -kInfinity : static_cast<float>(sum) * job.head->unit;
}

int32_t score_pair(const Pair& pair, RaisePair raise, const int32_t* candidates, int64_t n, float* out_first,
                   float* out_second) {
  const tartan_passages* tokens = pair.first.tokens;
  for (int64_t i = 0; i < n; i++) {
    if (!within(candidates[i], tokens->passages)) return TARTAN_BAD_PASSAGE;
    const int64_t begin = tokens->offsets[candidates[i]];
    const int64_t end = tokens->offsets[candidates[i] + 1];
    if (i + 1 < n) prefetch_passage(pair.first, candidates[i + 1]);
    int16_t top[kBlock];
    for (int64_t r = 0; r < kBlock; r++) top[r] = kNone;
    for (int64_t t = begin; t < end; t += kChunk) {
      Chunk a;
      Chunk b;
      const int64_t count = smaller(kChunk, end - t);
      if (!read_chunk(pair.first, t, count, a) || !read_chunk(pair.second, t, count, b))
        return TARTAN_BAD_CODE;
      raise(pair, a, b, top);
    }
    out_first[i] = score_of(pair.first, top, begin == end);
    out_second[i] = score_of(pair.second, top + 16, begin == end);
  }
  return TARTAN_OK;
}

#endif

}  // namespace

int32_t integer_maxsim_pair(const tartan_integer_query* first, const tartan_integer_query* second,
                            const tartan_codec* codec, const tartan_passages* tokens,
                            const int32_t* candidates, int64_t n, float* out_first, float* out_second) {
  if (head_of(first->block)->rows > 16 || head_of(second->block)->rows > 16) return TARTAN_BAD_ARGUMENT;
#if defined(TARTAN_ISA_AVX512)
  if (!by_dots(codec->nbits)) {
    return avx2::integer_maxsim_pair(first, second, codec, tokens, candidates, n, out_first, out_second);
  }
#elif defined(TARTAN_ISA_AVX2)
  if (!by_dots(codec->nbits)) {
    const Job a = job_of(first, codec, tokens);
    const Job b = job_of(second, codec, tokens);
    const Scratch memory(static_cast<size_t>(64 + a.head->groups * 16 * kBlock));
    if (!memory.data) return TARTAN_NO_MEMORY;
    int16_t* bias = static_cast<int16_t*>(memory.data);
    uint8_t* table = reinterpret_cast<uint8_t*>(bias + 32);
    join(a, b, bias, table);
    const RaisePair raise = codec->form == TARTAN_SCALED ? raise_pair_of<true>(a.residual_bytes)
                                                         : raise_pair_of<false>(a.residual_bytes);
    return score_pair({a, b, bias, table}, raise, candidates, n, out_first, out_second);
  }
#endif
  const int32_t status = integer_maxsim(first, codec, tokens, candidates, n, out_first);
  return status == TARTAN_OK ? integer_maxsim(second, codec, tokens, candidates, n, out_second) : status;
}

}  // namespace tartan::TARTAN_ISA
