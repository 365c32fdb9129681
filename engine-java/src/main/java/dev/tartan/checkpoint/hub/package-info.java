/**
 * Checkpoints by their names on the Hugging Face hub. {@link dev.tartan.checkpoint.hub.Hub} gives
 * the folder of a model, from the cache that other tools share or fetched over HTTPS.
 *
 * <p>Imports {@code memory} only.
 */
@NullMarked
package dev.tartan.checkpoint.hub;

import org.jspecify.annotations.NullMarked;
