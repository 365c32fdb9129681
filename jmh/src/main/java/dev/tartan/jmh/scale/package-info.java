/**
 * Search and indexing at any size: token embeddings that are generated to be like real ones, and
 * how time, bytes and recall grow with them. {@link dev.tartan.jmh.scale.CorpusFit} measures a real
 * collection, {@link dev.tartan.jmh.scale.CorpusModel} is what it found, {@link
 * dev.tartan.jmh.scale.GeneratedCorpus} draws passages from it. {@code ./tartan bench generate} and
 * {@code ./tartan bench scale} are the commands; docs/benchmarks.md says what they showed.
 */
@NullMarked
package dev.tartan.jmh.scale;

import org.jspecify.annotations.NullMarked;
