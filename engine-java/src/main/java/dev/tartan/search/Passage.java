package dev.tartan.search;

import dev.tartan.collection.Span;
import org.jspecify.annotations.Nullable;

/**
 * The passage that a document was found by.
 *
 * @param number of the passage in its document, from 0
 * @param span what of the document's text it is: {@code document.text().substring(from, to)}; null
 *     if the embeddings were brought, or an earlier build made the index
 * @param text what was encoded, the document's title and that part of its text with white space
 *     squeezed; null if the index stores none
 */
public record Passage(int number, @Nullable Span span, @Nullable String text) {}
