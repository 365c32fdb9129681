/**
 * The one abstraction of the engine: a {@link Backend} does the numeric work of search and
 * indexing, one stage over many rows a call, on memory that a {@link Scope} owns and a {@link
 * Buffer} names. Three implementations, one meaning: {@code reference} (plain Java, the
 * specification), {@code cpu} (C++ through Panama) and {@code cuda} (a GPU).
 *
 * <p>Floor 2: imports {@code memory} only. Backends do not import each other; {@code Linker} is
 * used here and nowhere else. The records hold the arrays of one subject, so that no operation
 * takes more than five parameters.
 */
@NullMarked
package dev.tartan.compute;

import org.jspecify.annotations.NullMarked;
