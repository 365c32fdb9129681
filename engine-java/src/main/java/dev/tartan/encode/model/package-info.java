/**
 * Token ids to token embeddings: transformer backbones on LibTorch, one file a backbone, behind
 * {@link dev.tartan.encode.model.TokenEmbedder} and, for pairs of texts, {@link
 * dev.tartan.encode.model.PairScorer}. No LibTorch type leaves this package but to {@code train},
 * by way of {@link dev.tartan.encode.model.TrainableModel}.
 *
 * <p>Imports {@code memory}, {@code checkpoint} and {@code encode.text} (for the sequences). Native
 * memory is freed by a scope around each batch, never by the garbage collector; weights stay where
 * the weight file put them and are shared, not copied.
 */
@NullMarked
package dev.tartan.encode.model;

import org.jspecify.annotations.NullMarked;
