/**
 * Benchmarks, one class per question, the backend a parameter: {@code ./tartan bench} runs them,
 * docs/benchmarks.md says what they showed. {@link dev.tartan.jmh.BackendBenchmark} holds how long
 * they run and with which flags, {@link dev.tartan.jmh.RandomTokens} the data. Above every floor:
 * may import all of the engine, and nothing imports it.
 *
 * <p>Data are seeded and random: kernels take the same time whatever the numbers are. Where the
 * distribution matters, as in a whole search, the embeddings are clustered, and real ones can be
 * given instead.
 */
@NullMarked
package dev.tartan.jmh;

import org.jspecify.annotations.NullMarked;
