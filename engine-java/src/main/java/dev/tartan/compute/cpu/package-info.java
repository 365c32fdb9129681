/**
 * The C++ kernels of native/, bound by hand through {@code java.lang.foreign}: {@code
 * NativeLibrary} finds and loads the library, {@code CpuFunctions} has one handle and one method a
 * function, {@code CpuKernels} is the {@link dev.tartan.compute.host.HostKernels}. The contract is
 * native/include/tartan_cpu.h.
 */
@NullMarked
package dev.tartan.compute.cpu;

import org.jspecify.annotations.NullMarked;
