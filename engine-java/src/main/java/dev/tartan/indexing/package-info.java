/**
 * One indexing run: token embeddings in, one commit out. {@code IndexWriter} takes documents with
 * their embeddings (spooled to disk until the codec is trained) or reads embeddings that are on
 * disk already. Floor 5: never sees {@code search}, and no text but to store it.
 */
@NullMarked
package dev.tartan.indexing;

import org.jspecify.annotations.NullMarked;
