package dev.tartan.search;

/**
 * One result.
 *
 * @param id the external id of the document
 * @param score MaxSim of its best passage: the sum over the query's token embeddings of their
 *     greatest similarity
 * @param segment number of the segment in the snapshot
 * @param passage number of the best passage in the segment
 */
public record Hit(String id, float score, int segment, int passage) {}
