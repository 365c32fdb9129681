// PLAID candidate generation: the passages in the inverted lists of each query row's nprobe best centroids.
//
// Shapes: scores [K, rows]. Lanes are query rows: a row of scores is compared with the worst score each query
// row keeps, and a lane that may enter goes to that query row's heap; about nprobe * ln(K / nprobe) do.
// Marked passages go to a bitmap, which also puts them in order. rows * 4 bytes a centroid read, 4 bytes a
// posting.
//
// Measured (one core of an AMD EPYC Zen 2, AVX2): 4.3 ns a centroid at 32 rows, nprobe 4, K = 65536;
// portable 24.
#include "heap.h"
#include "vec.h"

namespace tartan::TARTAN_ISA {
namespace {

struct Probes {
  int64_t rows;
  int64_t limit;      // centroids kept per query row
  float* worst;       // [rows], NaN while the row has fewer than limit
  float* score;       // [rows, limit]
  int32_t* centroid;  // [rows, limit]
  int64_t* size;      // [rows]
};

void offer(const Probes& p, int64_t row, float score, int64_t centroid) {
  if (score != score) return;
  Heap heap = {p.score + row * p.limit, p.centroid + row * p.limit, p.size[row]};
  heap_offer(heap, p.limit, score, static_cast<int32_t>(centroid));
  p.size[row] = heap.size;
  if (heap.size == p.limit) p.worst[row] = heap.score[0];
}

void choose_centroids(const Probes& p, const float* scores, int64_t centroids) {
  for (int64_t c = 0; c < centroids; c++) {
    const float* row_scores = scores + c * p.rows;
    int64_t r = 0;
    for (; r + 8 <= p.rows; r += 8) {
      // Centroids ascend, so a tie never enters a full heap; "not <=" lets everything into one that is not.
      uint32_t lanes = vec_not_le(vec_load(row_scores + r), vec_load(p.worst + r));
      for (; lanes; lanes &= lanes - 1) {
        const int64_t row = r + __builtin_ctz(lanes);
        offer(p, row, row_scores[row], c);
      }
    }
    for (; r < p.rows; r++) {
      if (!(row_scores[r] <= p.worst[r])) offer(p, r, row_scores[r], c);
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

int32_t candidates(const tartan_query* query, int64_t centroids, int32_t nprobe, const int64_t* list_offsets,
                   const int32_t* list_passages, int64_t passages, uint64_t* scratch, int32_t* out,
                   int64_t capacity, int64_t* count) {
  const int64_t rows = query->rows;
  const int64_t limit = smaller(nprobe, centroids);
  *count = 0;
  if (limit == 0) return TARTAN_OK;
  const int64_t words = (centroids + 63) / 64;
  const Scratch memory(static_cast<size_t>(words * 8 + rows * 8 + rows * 4 + rows * limit * 8));
  if (!memory.data) return TARTAN_NO_MEMORY;
  uint64_t* probed = static_cast<uint64_t*>(memory.data);
  int64_t* size = reinterpret_cast<int64_t*>(probed + words);
  float* worst = reinterpret_cast<float*>(size + rows);
  float* score = worst + rows;
  const Probes p = {rows, limit, worst, score, reinterpret_cast<int32_t*>(score + rows * limit), size};
  memset(probed, 0, static_cast<size_t>(words + rows) * 8);
  for (int64_t r = 0; r < rows; r++) worst[r] = __builtin_nanf("");
  memset(scratch, 0, static_cast<size_t>((passages + 63) / 64) * 8);
  choose_centroids(p, query->scores, centroids);
  const int32_t status = mark_passages(p, probed, list_offsets, list_passages, passages, scratch);
  if (status != TARTAN_OK) return status;
  return list_marked(scratch, passages, out, capacity, count);
}

}  // namespace tartan::TARTAN_ISA
