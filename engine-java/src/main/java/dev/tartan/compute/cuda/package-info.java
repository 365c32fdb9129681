/**
 * The backend on an NVIDIA GPU. The kernels of tartan-kernels are loaded through the CUDA driver
 * ({@code libcuda.so.1}, by Panama): a machine needs the driver and no toolkit, and one without a
 * driver answers with a reason, not an Error ({@link dev.tartan.compute.cuda.CudaDriver}).
 *
 * <p>A scope has a stream, and what is computed into a scope's buffers runs on its stream, after
 * what was asked for before. Nothing waits for the device but what needs its answer: counts of
 * candidates, copies to the host. Damaged data is told then.
 *
 * <p>Imports {@code compute} and {@code memory} only.
 */
@NullMarked
package dev.tartan.compute.cuda;

import org.jspecify.annotations.NullMarked;
