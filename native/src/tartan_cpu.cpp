// The ABI layer: checks what can be checked in constant time and calls the kernel of the tier. The kernels
// take their scratch from the C allocator and report its failure, so nothing here or below throws.
#include "tartan_cpu.h"

#include "kernels.h"

#if defined(TARTAN_WITH_X86)
#include <cpuid.h>
#endif

namespace {

using tartan::Kernels;

int32_t detect_tier() {
#if defined(TARTAN_WITH_X86)
  // These also check, by xgetbv, that the operating system saves the registers; F16C needs no more than that.
  __builtin_cpu_init();
  unsigned a = 0, b = 0, c = 0, d = 0;
  const bool f16c = __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & (1u << 29)) != 0;
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !f16c) return TARTAN_SCALAR;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
  return avx512 ? TARTAN_AVX512 : TARTAN_AVX2;
#else
  return TARTAN_SCALAR;
#endif
}

const int32_t kBestTier = detect_tier();

// The table of a tier that this machine can run, else NULL.
const Kernels* kernels_of(int32_t tier) {
  if (tier < TARTAN_SCALAR || tier > kBestTier) return nullptr;
#if defined(TARTAN_WITH_X86)
  if (tier == TARTAN_AVX512) return &tartan::avx512::kKernels;
  if (tier == TARTAN_AVX2) return &tartan::avx2::kKernels;
#endif
  return &tartan::scalar::kKernels;
}

bool valid_dim(int32_t dim) { return dim >= 8 && dim <= 1024 && dim % 8 == 0; }

bool valid_query(const tartan_query* q) { return q && q->rows >= 1 && q->rows <= 256 && valid_dim(q->dim); }

bool valid_bits(int32_t n) { return (n >= 1 && n <= 4) || n == 8; }

bool valid_codec(const tartan_codec* c) {
  return c && valid_dim(c->dim) && valid_bits(c->nbits) &&
         (c->form == TARTAN_UNIT || c->form == TARTAN_SCALED) && c->centroids >= 1 && c->centroid;
}

bool valid_grid(const tartan_grid* g) { return g && valid_dim(g->dim) && g->centroids >= 0 && g->values; }

bool valid_integers(const tartan_integer_query* q) {
  return q && q->block && q->centroids >= 0 && (q->centroids == 0 || q->scores);
}

bool valid_tokens(const tartan_passages* t) {
  return t && t->passages >= 0 && (t->code_bytes == 2 || t->code_bytes == 4);
}

// Whether the tokens have what the codec needs to reconstruct them.
bool valid_factors(const tartan_codec* c, const tartan_passages* t) {
  return c->weights && (c->form == TARTAN_UNIT || t->factors);
}

bool valid_dense(const tartan_dense* t) {
  return t && t->passages >= 0 && valid_dim(t->dim) && (t->value_bytes == 4 || t->value_bytes == 2);
}

}  // namespace

int32_t tartan_abi_version(void) { return TARTAN_ABI_VERSION; }

int32_t tartan_best_tier(void) { return kBestTier; }

const char* tartan_tier_name(int32_t tier) {
  switch (tier) {
    case TARTAN_SCALAR:
      return "scalar";
    case TARTAN_AVX2:
      return "avx2";
    case TARTAN_AVX512:
      return "avx512";
    default:
      return nullptr;
  }
}

const char* tartan_error_text(int32_t status) {
  switch (status) {
    case TARTAN_OK:
      return "The call succeeded.";
    case TARTAN_BAD_ARGUMENT:
      return "An argument is outside its range, or this machine lacks the tier.";
    case TARTAN_BAD_CODE:
      return "A centroid code is out of range: the codes are damaged.";
    case TARTAN_BAD_PASSAGE:
      return "A passage number is out of range: the inverted lists are damaged.";
    case TARTAN_NO_MEMORY:
      return "Scratch memory could not be allocated.";
    case TARTAN_NO_CAPACITY:
      return "An output array is too small for the result.";
    default:
      return "The status is unknown.";
  }
}

int32_t tartan_centroid_scores(int32_t tier, const tartan_query* query, const float* centroid, int64_t first,
                               int64_t last, float* scores, float* best) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_query(query) || first < 0 || last < first) return TARTAN_BAD_ARGUMENT;
  return kernels->centroid_scores(query, centroid, first, last, scores, best);
}

int32_t tartan_quantise_centroids(int32_t tier, const float* centroid, int64_t centroids, int32_t dim,
                                  uint8_t* values, float* steps, float* reach) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || centroids < 1 || !valid_dim(dim) || !steps || !reach) return TARTAN_BAD_ARGUMENT;
  return kernels->quantise_centroids(centroid, centroids, dim, values, steps, reach);
}

int64_t tartan_integer_query_bytes(int32_t rows, int32_t dim, int32_t nbits) {
  if (rows < 1 || rows > 256 || !valid_dim(dim) || (nbits != 0 && !valid_bits(nbits))) return 0;
  return tartan::scalar::integer_query_bytes(rows, dim, nbits);
}

int32_t tartan_quantise_query(int32_t tier, const tartan_query* query, const tartan_grid* grid,
                              const tartan_codec* codec, void* block) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_query(query) || !valid_grid(grid) || grid->dim != query->dim || !block) {
    return TARTAN_BAD_ARGUMENT;
  }
  if (codec && (!valid_codec(codec) || codec->dim != query->dim || !codec->weights))
    return TARTAN_BAD_ARGUMENT;
  return kernels->quantise_query(query, grid, codec, block);
}

int32_t tartan_integer_scores(int32_t tier, const tartan_integer_query* query, const tartan_grid* grid,
                              int64_t first, int64_t last, int16_t* scores, int16_t* best) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !query || !query->block || !valid_grid(grid) || first < 0 || last < first) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->integer_scores(query->block, grid, first, last, scores, best);
}

int32_t tartan_candidates(int32_t tier, const tartan_integer_query* query, int32_t nprobe,
                          const int64_t* list_offsets, const int32_t* list_passages, int64_t passages,
                          const uint64_t* allowed, uint64_t* scratch, int32_t* out, float* scores,
                          int64_t capacity, int64_t* count) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_integers(query) || !query->best || nprobe < 0 || passages < 0 || capacity < 0 ||
      !count) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->candidates(query, nprobe, list_offsets, list_passages, passages, allowed, scratch, out,
                             scores, capacity, count);
}

int32_t tartan_approximate_scores(int32_t tier, const tartan_integer_query* query,
                                  const tartan_passages* tokens, float threshold, const int32_t* candidates,
                                  int64_t n, float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_integers(query) || !query->best || !valid_tokens(tokens) || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->approximate_scores(query, tokens, threshold, candidates, n, out);
}

int32_t tartan_integer_maxsim(int32_t tier, const tartan_integer_query* query, const tartan_codec* codec,
                              const tartan_passages* tokens, const int32_t* candidates, int64_t n,
                              float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_integers(query) || !valid_codec(codec) || !codec->weights || !valid_tokens(tokens) ||
      n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->integer_maxsim(query, codec, tokens, candidates, n, out);
}

int32_t tartan_integer_maxsim_pair(int32_t tier, const tartan_integer_query* first,
                                   const tartan_integer_query* second, const tartan_codec* codec,
                                   const tartan_passages* tokens, const int32_t* candidates, int64_t n,
                                   float* out_first, float* out_second) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_integers(first) || !valid_integers(second) || !valid_codec(codec) ||
      !codec->weights || !valid_tokens(tokens) || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->integer_maxsim_pair(first, second, codec, tokens, candidates, n, out_first, out_second);
}

int32_t tartan_rescore(int32_t tier, const tartan_query* query, const tartan_integer_query* integers,
                       const tartan_codec* codec, const tartan_passages* tokens, const int32_t* candidates,
                       int64_t n, float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_query(query) || !valid_integers(integers) || !valid_codec(codec) ||
      !codec->weights || !valid_tokens(tokens) || query->dim != codec->dim || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->rescore(query, integers, codec, tokens, candidates, n, out);
}

int32_t tartan_keep_best(int32_t tier, const int32_t* passages, const float* scores, int64_t n, int64_t keep,
                         int32_t* out_passages, float* out_scores, int64_t* count) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || n < 0 || keep < 0 || !count) return TARTAN_BAD_ARGUMENT;
  return kernels->keep_best(passages, scores, n, keep, out_passages, out_scores, count);
}

int32_t tartan_cut(int32_t tier, const int32_t* passages, const float* scores, int64_t n, int64_t keep,
                   int32_t* out_passages, float* out_scores, int64_t* count) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || n < 0 || keep < 0 || !count) return TARTAN_BAD_ARGUMENT;
  return kernels->cut(passages, scores, n, keep, out_passages, out_scores, count);
}

int32_t tartan_maxsim(int32_t tier, const tartan_query* query, const tartan_codec* codec,
                      const tartan_passages* tokens, const int32_t* candidates, int64_t n, float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_query(query) || !valid_codec(codec) || !valid_tokens(tokens) || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  if (query->dim != codec->dim || (n > 0 && (!query->scores || !valid_factors(codec, tokens)))) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->maxsim(query, codec, tokens, candidates, n, out);
}

int32_t tartan_maxsim_dense(int32_t tier, const tartan_query* query, const tartan_dense* tokens,
                            const int32_t* candidates, int64_t n, float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_query(query) || !valid_dense(tokens) || query->dim != tokens->dim || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->maxsim_dense(query, tokens, candidates, n, out);
}

int64_t tartan_centroid_sketch_bytes(int32_t tier, int32_t dim, int64_t centroids) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_dim(dim) || centroids < 1 || centroids > INT32_MAX) return 0;
  return kernels->centroid_sketch_bytes(dim, centroids);
}

int32_t tartan_sketch_centroids(int32_t tier, const float* centroid, int64_t centroids, int32_t dim,
                                const float* rows, int64_t n, void* sketch) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || n < 0 || !valid_dim(dim) || centroids < 1 || centroids > INT32_MAX)
    return TARTAN_BAD_ARGUMENT;
  return kernels->sketch_centroids(centroid, centroids, dim, rows, n, sketch);
}

int32_t tartan_nearest_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                 const float* centroid, int64_t centroids, const void* sketch,
                                 int32_t* codes) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || n < 0 || !valid_dim(dim) || centroids < 1 || centroids > INT32_MAX)
    return TARTAN_BAD_ARGUMENT;
  return kernels->nearest_centroids(rows, n, dim, centroid, centroids, sketch, codes);
}

int32_t tartan_accumulate_centroids(int32_t tier, const float* rows, int64_t n, int32_t dim,
                                    const int32_t* codes, int64_t centroids, int64_t* sums, int64_t* counts) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || n < 0 || !valid_dim(dim) || centroids < 0) return TARTAN_BAD_ARGUMENT;
  return kernels->accumulate_centroids(rows, n, dim, codes, centroids, sums, counts);
}

int32_t tartan_compress(int32_t tier, const tartan_codec* codec, const float* rows, int64_t n,
                        const int32_t* codes, uint8_t* residuals, uint16_t* factors) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_codec(codec) || !codec->cutoffs || !codec->weights || n < 0) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->compress(codec, rows, n, codes, residuals, factors);
}

int32_t tartan_decompress(int32_t tier, const tartan_codec* codec, const tartan_passages* tokens,
                          int64_t first, int64_t last, float* out) {
  const Kernels* kernels = kernels_of(tier);
  if (!kernels || !valid_codec(codec) || !valid_tokens(tokens) || first < 0 || last < first ||
      (first < last && !valid_factors(codec, tokens))) {
    return TARTAN_BAD_ARGUMENT;
  }
  return kernels->decompress(codec, tokens, first, last, out);
}
