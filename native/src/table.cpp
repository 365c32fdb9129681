// The kernel table of one instruction set; compiled once for each.
#include "isa.h"

namespace tartan::TARTAN_ISA {

extern const Kernels kKernels;
const Kernels kKernels = {
    centroid_scores,
    candidates,
    approximate_scores,
    keep_best,
    maxsim,
    maxsim_dense,
    centroid_sketch_bytes,
    sketch_centroids,
    nearest_centroids,
    accumulate_centroids,
    compress,
    decompress,
};

}  // namespace tartan::TARTAN_ISA
