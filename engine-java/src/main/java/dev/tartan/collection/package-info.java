/**
 * What a user brings and takes away as text files: collections, queries, judgements and runs, in
 * the formats of BEIR, MS MARCO and TREC, and the measures computed from them.
 *
 * <p>Collections are streams, since they need not fit in memory; queries, judgements and runs are
 * read whole. Every failure names the file, the line and the value, because the files come from
 * elsewhere and only their owner can mend them. All files may be compressed with gzip.
 *
 * <p>Floor 2: imports {@link dev.tartan.memory} and Jackson. Knows nothing of models or indexes, so
 * that a run of any engine can be evaluated.
 */
@NullMarked
package dev.tartan.collection;

import org.jspecify.annotations.NullMarked;
