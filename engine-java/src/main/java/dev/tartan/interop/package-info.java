/**
 * Indexes of other engines: reading what colbert-ai (and RAGatouille and PyLate over it),
 * fast-plaid (and PyLate over it) and next-plaid wrote, and writing what colbert-ai reads. Codes
 * and packed residuals are taken as they are, never encoded again: {@code IndexImport} makes one
 * segment of codec kind {@code colbertv2} of a {@code ForeignIndex}, {@code ColbertAiExport} goes
 * the other way. Inverted lists are built anew from the codes. What is read of each engine stands
 * in docs/interop.md.
 *
 * <p>Floor 5: imports {@code segment}, {@code codec}, {@code encode} (for the manifest), {@code
 * checkpoint}, {@code metadata}, {@code memory}.
 */
@NullMarked
package dev.tartan.interop;

import org.jspecify.annotations.NullMarked;
