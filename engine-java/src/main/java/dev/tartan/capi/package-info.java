/**
 * What {@code libtartan.so}, the library behind {@code native/include/tartan.h}, calls in the Java
 * that it has started: {@link dev.tartan.capi.Calls}. Floor 6. The C side checks pointers and owns
 * the memory that crosses; what an index, a query and an error are is decided here and below.
 */
@NullMarked
package dev.tartan.capi;

import org.jspecify.annotations.NullMarked;
