/**
 * How a token embedding becomes a few bytes: the number of its nearest centroid and a packed
 * residual (ColBERTv2, 2112.01488, section 3.3). {@code ResidualCodec} holds the tables, {@code
 * CodecTrainer} and {@code KMeans} make them from a sample, {@code PackedResiduals} converts the
 * bit order. Floor 3: imports {@code compute} and {@code memory}.
 */
@NullMarked
package dev.tartan.codec;

import org.jspecify.annotations.NullMarked;
