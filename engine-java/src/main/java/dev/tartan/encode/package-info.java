/**
 * Text to token embeddings. {@link dev.tartan.encode.Encoders} opens a model, {@link
 * dev.tartan.encode.Encoder} is what the rest of Tartan sees of it; {@link
 * dev.tartan.encode.CrossEncoder} scores pairs.
 *
 * <p>Imports {@code checkpoint}, {@code collection} and {@code memory}; never an index, never a
 * backend. Inside, {@code text} knows the tokenizer library and {@code model} knows LibTorch, and
 * nobody else does.
 */
@NullMarked
package dev.tartan.encode;

import org.jspecify.annotations.NullMarked;
