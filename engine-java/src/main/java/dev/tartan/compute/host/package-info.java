/**
 * What backends in host memory share: slabs of memory and the splitting of rows. The numeric work
 * itself is a {@link HostKernels}, of which {@code reference} and {@code cpu} have one each.
 */
@NullMarked
package dev.tartan.compute.host;

import org.jspecify.annotations.NullMarked;
