/**
 * One query, or a batch of them, over one snapshot: {@code Searcher} is the door, {@code
 * PlaidSearch} the pipeline over one segment (PLAID, 2205.09707, section 4), {@code Calibration}
 * measures which settings of an index find which share of the exact result. Floor 5: query
 * embeddings in, hits out; never sees text but to hand out what is stored.
 */
@NullMarked
package dev.tartan.search;

import org.jspecify.annotations.NullMarked;
