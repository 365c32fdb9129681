/**
 * The specification: every operation in plain Java, short and obviously right. The other backends
 * are tested against it, and it serves where no native library can be loaded.
 */
@NullMarked
package dev.tartan.compute.reference;

import org.jspecify.annotations.NullMarked;
