// The kernel table of one instruction set; compiled once for each.
#include "isa.h"

namespace tartan::TARTAN_ISA {

extern const Kernels kKernels;
const Kernels kKernels = {
    .centroid_scores = centroid_scores,
    .quantise_centroids = quantise_centroids,
    .quantise_query = quantise_query,
    .integer_scores = integer_scores,
    .candidates = candidates,
    .approximate_scores = approximate_scores,
    .integer_maxsim = integer_maxsim,
    .integer_maxsim_pair = integer_maxsim_pair,
    .rescore = rescore,
    .keep_best = keep_best,
    .cut = cut,
    .maxsim = maxsim,
    .maxsim_dense = maxsim_dense,
    .centroid_sketch_bytes = centroid_sketch_bytes,
    .sketch_centroids = sketch_centroids,
    .nearest_centroids = nearest_centroids,
    .accumulate_centroids = accumulate_centroids,
    .compress = compress,
    .decompress = decompress,
};

}  // namespace tartan::TARTAN_ISA
