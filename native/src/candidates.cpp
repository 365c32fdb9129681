// PLAID candidate generation: the passages in the inverted lists of each query row's nprobe best centroids.
//
// Shapes: scores int16 [K, lanes], best int16 [K]. Lanes are query rows: a row of scores is compared with the
// worst score each query row keeps, and a lane that may enter goes to that query row's heap; about nprobe *
// ln(K / nprobe) do. Most centroids are passed over by their best score alone. Marked passages go to a
// bitmap, which also puts them in order. 2 bytes a centroid read, or lanes * 2 more, 4 bytes a posting.
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
#if defined(TARTAN_ISA_AVX512)
  return _mm512_cmpgt_epi16_mask(_mm512_loadu_si512(scores), _mm512_loadu_si512(worst));
#elif defined(TARTAN_ISA_AVX2)
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

// Offers centroid c to the rows that it may enter; returns the least that any row asks for.
int16_t choose_rows(const Probes& p, const int16_t* row_scores, int64_t c, int16_t least) {
  bool entered = false;
  for (int64_t r = 0; r < p.lanes; r += kBlock) {
    for (uint32_t rows = above(row_scores + r, p.worst + r); rows; rows &= rows - 1) {
      const int64_t row = r + __builtin_ctz(rows);
      offer(p, row, row_scores[row], c);
      entered = true;
    }
  }
  if (!entered) return least;
  int16_t worst = p.worst[0];
  for (int64_t r = 1; r < p.rows; r++) worst = p.worst[r] < worst ? p.worst[r] : worst;
  return worst;
}

// A centroid whose best score is not above the least that any row asks for is passed over unread.
void choose_centroids(const Probes& p, const int16_t* scores, const int16_t* best, int64_t centroids) {
  int16_t least[kBlock];
  for (int64_t i = 0; i < kBlock; i++) least[i] = kNone;
  for (int64_t first = 0; first < centroids; first += kBlock) {
    const int64_t n = smaller(kBlock, centroids - first);
    uint32_t some = n < kBlock ? (1u << n) - 1 : above(best + first, least);
    if (!some) continue;
    int16_t asked = least[0];
    for (; some; some &= some - 1) {
      const int64_t c = first + __builtin_ctz(some);
      asked = choose_rows(p, scores + c * p.lanes, c, asked);
    }
    for (int64_t i = 0; i < kBlock; i++) least[i] = asked;
  }
}

// What the postings have told so far.
struct Found {
  int64_t passages;
  uint64_t* marked;  // a bit for each passage that was met
  uint32_t*
      gained;  // [passages], of those alone: the sum over rows of score - floor, times 256, plus the last row
};

// Adds a row's score of one centroid to the passages of its list that the row has not met in a better one.
int32_t add_list(const Found& found, int64_t row, uint32_t gain, const int32_t* list, int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    if (i + 16 < n && within(list[i + 16], found.passages))
      __builtin_prefetch(found.gained + list[i + 16], 1);
    const int64_t passage = list[i];
    if (!within(passage, found.passages)) return TARTAN_BAD_PASSAGE;
    const uint64_t bit = uint64_t{1} << (passage & 63);
    uint64_t& word = found.marked[passage >> 6];
    uint32_t& gained = found.gained[passage];
    if (!(word & bit)) {
      word |= bit;
      gained = gain << 8 | static_cast<uint32_t>(row);
    } else if ((gained & 255) != static_cast<uint32_t>(row)) {
      gained = ((gained >> 8) + gain) << 8 | static_cast<uint32_t>(row);
    }
  }
  return TARTAN_OK;
}

// Walks the lists of the probed centroids, each row's best first; `base` receives the sum of the rows'
// floors.
int32_t walk_lists(const Probes& p, const int64_t* list_offsets, const int32_t* list_passages,
                   const Found& found, int32_t* base) {
  *base = 0;
  for (int64_t r = 0; r < p.rows; r++) {
    const Heap heap = {p.score + r * p.limit, p.centroid + r * p.limit, p.size[r]};
    heap_sort(heap);
    const int32_t floor = static_cast<int32_t>(heap.score[heap.size - 1]);
    *base += floor;
    for (int64_t k = 0; k < heap.size; k++) {
      const int64_t begin = list_offsets[heap.number[k]];
      const int32_t status =
          add_list(found, r, static_cast<uint32_t>(static_cast<int32_t>(heap.score[k]) - floor),
                   list_passages + begin, list_offsets[heap.number[k] + 1] - begin);
      if (status != TARTAN_OK) return status;
    }
  }
  return TARTAN_OK;
}

// `allowed` may be null: then all that was found is listed.
int32_t list_found(const Found& found, const uint64_t* allowed, int32_t base, float unit, int32_t* out,
                   float* scores, int64_t capacity, int64_t* count) {
  int64_t written = 0;
  int32_t status = TARTAN_OK;
  for (int64_t w = 0; w < (found.passages + 63) / 64 && status == TARTAN_OK; w++) {
    const uint64_t listed = allowed ? found.marked[w] & allowed[w] : found.marked[w];
    for (uint64_t word = listed; word; word &= word - 1) {
      if (written == capacity) {
        status = TARTAN_NO_CAPACITY;
        break;
      }
      const int64_t passage = w * 64 + __builtin_ctzll(word);
      const int32_t sum = base + static_cast<int32_t>(found.gained[passage] >> 8);
      out[written] = static_cast<int32_t>(passage);
      scores[written++] = static_cast<float>(sum) * unit;
    }
  }
  *count = written;
  return status;
}

}  // namespace

int32_t candidates(const tartan_integer_query* query, int32_t nprobe, const int64_t* list_offsets,
                   const int32_t* list_passages, int64_t passages, const uint64_t* allowed, uint64_t* scratch,
                   int32_t* out, float* scores, int64_t capacity, int64_t* count) {
  const int64_t rows = head_of(query->block)->rows;
  const int64_t lanes = head_of(query->block)->lanes;
  const int64_t limit = smaller(nprobe, query->centroids);
  *count = 0;
  if (limit == 0) return TARTAN_OK;
  const Scratch memory(static_cast<size_t>(rows * 8 + lanes * 2 + rows * limit * 8));
  if (!memory.data) return TARTAN_NO_MEMORY;
  int64_t* size = static_cast<int64_t*>(memory.data);
  int16_t* worst = reinterpret_cast<int16_t*>(size + rows);
  float* score = reinterpret_cast<float*>(worst + lanes);
  const Probes p = {rows, lanes, limit, worst, score, reinterpret_cast<int32_t*>(score + rows * limit), size};
  memset(size, 0, static_cast<size_t>(rows) * 8);
  for (int64_t r = 0; r < lanes; r++) worst[r] = kNone;
  const int64_t words = (passages + 63) / 64;
  const Found found = {passages, scratch, reinterpret_cast<uint32_t*>(scratch + words)};
  memset(found.marked, 0, static_cast<size_t>(words) * 8);
  choose_centroids(p, query->scores, query->best, query->centroids);
  int32_t base;
  const int32_t status = walk_lists(p, list_offsets, list_passages, found, &base);
  if (status != TARTAN_OK) return status;
  return list_found(found, allowed, base, head_of(query->block)->score_unit, out, scores, capacity, count);
}

}  // namespace tartan::TARTAN_ISA
