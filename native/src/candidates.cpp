// PLAID candidate generation: the passages in the inverted lists of each query row's nprobe best centroids.
//
// Shapes: scores int16 [K, lanes]. Lanes are query rows: a row of scores is compared with the worst score
// each query row keeps, and a lane that may enter goes to that query row's heap; about nprobe * ln(K /
// nprobe) do. Marked passages go to a bitmap, which also puts them in order. lanes * 2 bytes a centroid read,
// 4 bytes a posting.
#include "heap.h"
#include "integer.h"

#if defined(TARTAN_ISA_AVX2)
#include <immintrin.h>
#endif

namespace tartan::TARTAN_ISA {
namespace {

struct Probes {
  int64_t rows;
  int64_t lanes;
  int64_t limit;      // centroids kept per query row
  int16_t* worst;     // [lanes], kNone while the row has fewer than limit
  float* score;       // [rows, limit]
  int32_t* centroid;  // [rows, limit]
  int64_t* size;      // [rows]
};

void offer(const Probes& p, int64_t row, int16_t score, int64_t centroid) {
  Heap heap = {p.score + row * p.limit, p.centroid + row * p.limit, p.size[row]};
  heap_offer(heap, p.limit, score, static_cast<int32_t>(centroid));
  p.size[row] = heap.size;
  if (heap.size == p.limit) p.worst[row] = static_cast<int16_t>(heap.score[0]);
}

// A bit for each of the 32 lanes from r whose score is above the worst kept. Centroids ascend, so a tie never
// enters a full heap; a heap that is not full has the least score as its worst, which only lanes beyond have.
TARTAN_INLINE uint32_t above(const int16_t* scores, const int16_t* worst) {
#if defined(TARTAN_ISA_AVX2)
  const __m256i* s = reinterpret_cast<const __m256i*>(scores);
  const __m256i* w = reinterpret_cast<const __m256i*>(worst);
  const __m256i a = _mm256_cmpgt_epi16(_mm256_loadu_si256(s), _mm256_loadu_si256(w));
  const __m256i b = _mm256_cmpgt_epi16(_mm256_loadu_si256(s + 1), _mm256_loadu_si256(w + 1));
  const __m256i joined = _mm256_packs_epi16(a, b);
  if (_mm256_testz_si256(joined, joined)) return 0;
  return static_cast<uint32_t>(_mm256_movemask_epi8(_mm256_permute4x64_epi64(joined, 0xd8)));
#else
  uint32_t bits = 0;
  for (int64_t i = 0; i < kBlock; i++) bits |= scores[i] > worst[i] ? 1u << i : 0u;
  return bits;
#endif
}

void choose_centroids(const Probes& p, const int16_t* scores, int64_t centroids) {
  for (int64_t c = 0; c < centroids; c++) {
    const int16_t* row_scores = scores + c * p.lanes;
    for (int64_t r = 0; r < p.lanes; r += kBlock) {
      for (uint32_t rows = above(row_scores + r, p.worst + r); rows; rows &= rows - 1) {
        const int64_t row = r + __builtin_ctz(rows);
        offer(p, row, row_scores[row], c);
      }
    }
  }
}

int32_t mark_passages(const Probes& p, uint64_t* probed, const int64_t* list_offsets,
                      const int32_t* list_passages, int64_t passages, uint64_t* marked) {
  for (int64_t r = 0; r < p.rows; r++) {
    for (int64_t k = 0; k < p.size[r]; k++) {
      const int64_t c = p.centroid[r * p.limit + k];
      const uint64_t bit = uint64_t{1} << (c & 63);
      if (probed[c >> 6] & bit) continue;
      probed[c >> 6] |= bit;
      for (int64_t i = list_offsets[c]; i < list_offsets[c + 1]; i++) {
        const int64_t passage = list_passages[i];
        if (!within(passage, passages)) return TARTAN_BAD_PASSAGE;
        marked[passage >> 6] |= uint64_t{1} << (passage & 63);
      }
    }
  }
  return TARTAN_OK;
}

int32_t list_marked(const uint64_t* marked, int64_t passages, int32_t* out, int64_t capacity,
                    int64_t* count) {
  int64_t written = 0;
  int32_t status = TARTAN_OK;
  for (int64_t w = 0; w < (passages + 63) / 64 && status == TARTAN_OK; w++) {
    for (uint64_t word = marked[w]; word; word &= word - 1) {
      if (written == capacity) {
        status = TARTAN_NO_CAPACITY;
        break;
      }
      out[written++] = static_cast<int32_t>(w * 64 + __builtin_ctzll(word));
    }
  }
  *count = written;
  return status;
}

}  // namespace

int32_t candidates(const tartan_integer_query* query, int32_t nprobe, const int64_t* list_offsets,
                   const int32_t* list_passages, int64_t passages, uint64_t* scratch, int32_t* out,
                   int64_t capacity, int64_t* count) {
  const int64_t rows = head_of(query->block)->rows;
  const int64_t lanes = head_of(query->block)->lanes;
  const int64_t centroids = query->centroids;
  const int64_t limit = smaller(nprobe, centroids);
  *count = 0;
  if (limit == 0) return TARTAN_OK;
  const int64_t words = (centroids + 63) / 64;
  const Scratch memory(static_cast<size_t>(words * 8 + rows * 8 + lanes * 2 + rows * limit * 8));
  if (!memory.data) return TARTAN_NO_MEMORY;
  uint64_t* probed = static_cast<uint64_t*>(memory.data);
  int64_t* size = reinterpret_cast<int64_t*>(probed + words);
  int16_t* worst = reinterpret_cast<int16_t*>(size + rows);
  float* score = reinterpret_cast<float*>(worst + lanes);
  const Probes p = {rows, lanes, limit, worst, score, reinterpret_cast<int32_t*>(score + rows * limit), size};
  memset(probed, 0, static_cast<size_t>(words + rows) * 8);
  for (int64_t r = 0; r < lanes; r++) worst[r] = kNone;
  memset(scratch, 0, static_cast<size_t>((passages + 63) / 64) * 8);
  choose_centroids(p, query->scores, centroids);
  const int32_t status = mark_passages(p, probed, list_offsets, list_passages, passages, scratch);
  if (status != TARTAN_OK) return status;
  return list_marked(scratch, passages, out, capacity, count);
}

}  // namespace tartan::TARTAN_ISA
