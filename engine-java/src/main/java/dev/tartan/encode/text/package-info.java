/**
 * Text to token ids: the tokenizer of a checkpoint, the inputs that ColBERT builds of its ids
 * (markers, query padding, truncation, which rows are kept), the guessing of languages, and the
 * cutting of long texts.
 *
 * <p>Imports {@code collection} and {@code memory} only, and is the only place that knows the
 * tokenizer library and Apache OpenNLP.
 */
@NullMarked
package dev.tartan.encode.text;

import org.jspecify.annotations.NullMarked;
