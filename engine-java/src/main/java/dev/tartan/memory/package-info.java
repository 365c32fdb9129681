/**
 * The ground floor: arrays in memory and on disk, and the one exception that carries a message for
 * the user. Imports nothing of Tartan.
 *
 * <p>Element types live here and not in {@code compute}, because file formats (NPY, checkpoints,
 * segments) need them and must not import an engine.
 */
@NullMarked
package dev.tartan.memory;

import org.jspecify.annotations.NullMarked;
