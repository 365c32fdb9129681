// MaxSim over compressed passages from the centroids themselves: see fused.cuh.
#include "fused.cuh"

TARTAN_FUSED_KERNEL(tartan_rescore_1, 1, true)
TARTAN_FUSED_KERNEL(tartan_rescore_2, 2, true)
TARTAN_FUSED_KERNEL(tartan_rescore_3, 3, true)
TARTAN_FUSED_KERNEL(tartan_rescore_4, 4, true)
TARTAN_FUSED_KERNEL(tartan_rescore_8, 8, true)
