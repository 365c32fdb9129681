// PLAID candidate generation (2205.09707, section 4.1): the passages in the lists of each row's nprobe best centroids, each once,
// ascending, scored by what the lists tell: unit * sum over rows of the best probed centroid that lists the passage, or else of
// the row's worst probed one (its floor).
//
// Five kernels, so that each step fills the device: probes of a row (select.cuh), a bitmap of the passages, the ranks of those
// that are allowed, what they gain above the floors, the list. A row goes through its probes best first; the first that lists a passage is its gain, and a
// bitmap of the row remembers. All in integers: the order of the additions does not matter. Bytes: 2 a centroid and row at a
// stride of lanes * 2, 4 a posting twice, (rows + 3) / 8 and 12 a passage.
#include "block.cuh"
#include "select.cuh"

struct ProbeKeys {
  View<int16_t> scores;
  int lanes;
  TARTAN_METHOD uint64_t operator()(int64_t c) const {
    const int32_t score = scores[c * lanes];
    return static_cast<uint64_t>(score + 32768) << 32 | static_cast<uint32_t>(~static_cast<int32_t>(c));
  }
};

TARTAN_DEVICE int32_t score_of_probe(uint64_t probe) { return static_cast<int32_t>(probe >> 32) - 32768; }
TARTAN_DEVICE int32_t centroid_of(uint64_t probe) {
  return static_cast<int32_t>(~static_cast<uint32_t>(probe));
}
TARTAN_DEVICE int64_t words_of(const CandidatesArguments& arguments) {
  return (arguments.passages + 31) / 32;
}

// The query that has row `row` of all.
TARTAN_DEVICE int query_of(const int32_t* row_offsets, int row) {
  const View<const int32_t> offsets(row_offsets);
  int q = 0;
  while (offsets[q + 1] <= row) q++;
  return q;
}

TARTAN_KERNEL(tartan_probe_centroids, 256, CandidatesArguments) {
  TARTAN_SHARED(int32_t, bins, kBins);
  TARTAN_SHARED(int64_t, choice, 2);
  const int row = blockIdx.x;
  const int q = query_of(arguments.row_offsets, row);
  const Block block = block_of(arguments.integers, q);
  const int r = row - View<const int32_t>(arguments.row_offsets)[q];
  const ProbeKeys keys = {scores_of(arguments.integers, q) + r, block.head.lanes};
  const View<uint64_t> probes =
      View<uint64_t>(arguments.probes) + static_cast<int64_t>(row) * arguments.padded;
  select_keys(keys, arguments.integers.count, arguments.nprobe, probes, arguments.padded, {bins, choice});
  if (threadIdx.x == 0) {
    atomic_add(View<int32_t>(arguments.floors), q, score_of_probe(probes[arguments.nprobe - 1]));
  }
}

TARTAN_KERNEL(tartan_mark_passages, 256, CandidatesArguments) {
  const int row = blockIdx.x;
  const int q = query_of(arguments.row_offsets, row);
  const View<uint32_t> bitmap = View<uint32_t>(arguments.bitmap) + q * words_of(arguments);
  const View<const int64_t> lists(arguments.list_offsets);
  for (int p = blockIdx.y; p < arguments.nprobe; p += gridDim.y) {
    const int32_t c =
        centroid_of(View<const uint64_t>(arguments.probes)[static_cast<int64_t>(row) * arguments.padded + p]);
    const int64_t last = lists[c + 1];
    for (int64_t i = lists[c] + threadIdx.x; i < last; i += 256) {
      const int32_t passage = View<const int32_t>(arguments.list_passages)[i];
      if (static_cast<uint64_t>(static_cast<int64_t>(passage)) >= static_cast<uint64_t>(arguments.passages)) {
        atomic_max(View<int32_t>(arguments.status), 0, static_cast<int32_t>(kBadPassage));
        continue;
      }
      atomic_or(bitmap, passage / 32, 1u << passage % 32);
    }
  }
}

TARTAN_KERNEL(tartan_count_passages, 1024, CandidatesArguments) {
  TARTAN_SHARED(int32_t, totals, kWarp);
  const int q = blockIdx.x;
  const int64_t words = words_of(arguments);
  const View<uint32_t> bitmap = View<uint32_t>(arguments.bitmap) + q * words;
  const View<uint32_t> ranks = View<uint32_t>(arguments.ranks) + q * words;
  const View<const uint32_t> allowed(arguments.allowed);
  int64_t before = 0;
  for (int64_t first = 0; first < words; first += 1024) {
    const int64_t w = first + threadIdx.x;
    if (arguments.allowed && w < words) bitmap[w] &= allowed[w];
    const int32_t mine = w < words ? count_bits(bitmap[w]) : 0;
    int32_t up_to = mine;  // within the warp
    for (int step = 1; step < kWarp; step *= 2) {
      const int32_t other = shuffle(up_to, lane() >= step ? lane() - step : lane());
      if (lane() >= step) up_to += other;
    }
    if (lane() == kWarp - 1) totals[warp()] = up_to;
    sync_block();
    int32_t earlier = 0;
    int32_t all = 0;
    for (int i = 0; i < kWarp; i++) {
      const int32_t total = totals[i];
      if (i < warp()) earlier += total;
      all += total;
    }
    if (w < words) ranks[w] = static_cast<uint32_t>(before + earlier + up_to - mine);
    before += all;
    sync_block();
  }
  if (threadIdx.x == 0) View<int64_t>(arguments.counts)[q] = before;
}

TARTAN_KERNEL(tartan_gain_passages, 256, CandidatesArguments) {
  const int64_t row = blockIdx.x;
  const int q = query_of(arguments.row_offsets, blockIdx.x);
  const int64_t words = words_of(arguments);
  const View<const uint32_t> bitmap = View<const uint32_t>(arguments.bitmap) + q * words;
  const View<const uint32_t> ranks = View<const uint32_t>(arguments.ranks) + q * words;
  const View<uint32_t> met = View<uint32_t>(arguments.met) + row * words;
  const View<int32_t> gains = View<int32_t>(arguments.gains) + q * arguments.passages;
  const View<const uint64_t> probes = View<const uint64_t>(arguments.probes) + row * arguments.padded;
  const View<const int64_t> lists(arguments.list_offsets);
  const int32_t floor = score_of_probe(probes[arguments.nprobe - 1]);
  for (int p = 0; p < arguments.nprobe; p++) {
    const uint64_t probe = probes[p];
    const int32_t gain = score_of_probe(probe) - floor;
    if (gain == 0) break;
    const int64_t last = lists[centroid_of(probe) + 1];
    for (int64_t i = lists[centroid_of(probe)] + threadIdx.x; i < last; i += 256) {
      const int32_t passage = View<const int32_t>(arguments.list_passages)[i];
      if (static_cast<uint64_t>(static_cast<int64_t>(passage)) >= static_cast<uint64_t>(arguments.passages))
        continue;
      const uint32_t bit = 1u << passage % 32;
      const uint32_t word = bitmap[passage / 32];
      if (!(word & bit) || atomic_or(met, passage / 32, bit) & bit) continue;
      const int64_t rank = ranks[passage / 32] + count_bits(word & (bit - 1));
      atomic_add(gains, rank, gain);
    }
    sync_block();
  }
}

TARTAN_KERNEL(tartan_write_passages, 256, CandidatesArguments) {
  const int q = blockIdx.y;
  const int64_t words = words_of(arguments);
  const Block block = block_of(arguments.integers, q);
  const int32_t floors = View<const int32_t>(arguments.floors)[q];
  const View<const int32_t> gains = View<const int32_t>(arguments.gains) + q * arguments.passages;
  for (int64_t w = static_cast<int64_t>(blockIdx.x) * 256 + threadIdx.x; w < words;
       w += static_cast<int64_t>(gridDim.x) * 256) {
    const uint32_t bits = View<const uint32_t>(arguments.bitmap)[q * words + w];
    int64_t rank = bits ? View<const uint32_t>(arguments.ranks)[q * words + w] : 0;
    for (int b = 0; b < 32; b++) {
      if (!(bits >> b & 1)) continue;
      if (rank < arguments.capacity) {
        View<int32_t>(arguments.out)[q * arguments.capacity + rank] = static_cast<int32_t>(w * 32 + b);
        View<float>(arguments.scores)[q * arguments.capacity + rank] =
            static_cast<float>(floors + gains[rank]) * block.head.score_unit;
      }
      rank++;
    }
  }
}
