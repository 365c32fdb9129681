package dev.tartan.encode;

import dev.tartan.collection.Span;

/**
 * A passage of a document that is to be encoded.
 *
 * @param span what of the document's text it is
 * @param text what is encoded: the title and that part of the text, white space squeezed as in
 *     {@link dev.tartan.collection.Document#passage()}
 */
public record Piece(Span span, String text) {}
