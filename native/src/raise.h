// The maxima of a passage in integers, shared by integer_maxsim and rescore.
#ifndef TARTAN_RAISE_H
#define TARTAN_RAISE_H

#include "dots.h"
#include "lookup.h"

namespace tartan::TARTAN_ISA {
namespace {

using Raise = void (*)(const Job& job, const Chunk& chunk, int16_t* top, int16_t* kept);

// Dimension 128 has kernels of its own.
template <bool kScaled>
Raise raise_of_bits(int32_t nbits, int64_t dim) {
  switch (nbits) {
    case 1:
      return dim == 128 ? raise_by_tables<kScaled, 16> : raise_by_tables<kScaled, 0>;
    case 2:
      return dim == 128 ? raise_by_tables<kScaled, 32> : raise_by_tables<kScaled, 0>;
    case 3:
      return dim == 128 ? raise_by_dots<kScaled, 3, 128> : raise_by_dots<kScaled, 3, 0>;
    case 4:
      return dim == 128 ? raise_by_dots<kScaled, 4, 128> : raise_by_dots<kScaled, 4, 0>;
    default:
      return dim == 128 ? raise_by_dots<kScaled, 8, 128> : raise_by_dots<kScaled, 8, 0>;
  }
}

inline Raise raise_of(const tartan_codec* codec) {
  return codec->form == TARTAN_SCALED ? raise_of_bits<true>(codec->nbits, codec->dim)
                                      : raise_of_bits<false>(codec->nbits, codec->dim);
}

TARTAN_INLINE Job job_of(const tartan_integer_query* query, const tartan_codec* codec,
                         const tartan_passages* tokens) {
  const Head* head = head_of(query->block);
  return {head,
          tokens,
          query->scores,
          query->centroids,
          static_cast<int64_t>(codec->dim) * codec->nbits / 8,
          layout_of(head)};
}

// The maxima [lanes] of a passage; false if a code is damaged.
TARTAN_INLINE bool raise_passage(const Job& job, Raise raise, int64_t begin, int64_t end, int16_t* top,
                                 int16_t* kept) {
  for (int64_t r = 0; r < job.head->lanes; r++) top[r] = kNone;
  for (int64_t t = begin; t < end; t += kChunk) {
    Chunk chunk;
    if (!read_chunk(job, t, smaller(kChunk, end - t), chunk)) return false;
    raise(job, chunk, top, kept ? kept + (t - begin) * job.head->lanes : nullptr);
  }
  return true;
}

}  // namespace
}  // namespace tartan::TARTAN_ISA

#endif
