// MaxSim over compressed passages with given scores of centroids: see fused.cuh.
#include "fused.cuh"

TARTAN_FUSED_KERNEL(tartan_maxsim_1, 1, false)
TARTAN_FUSED_KERNEL(tartan_maxsim_2, 2, false)
TARTAN_FUSED_KERNEL(tartan_maxsim_3, 3, false)
TARTAN_FUSED_KERNEL(tartan_maxsim_4, 4, false)
TARTAN_FUSED_KERNEL(tartan_maxsim_8, 8, false)
