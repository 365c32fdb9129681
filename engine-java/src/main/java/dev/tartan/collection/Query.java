package dev.tartan.collection;

/**
 * One query of a query file.
 *
 * @param id the user's own name for it, never blank
 * @param text as in the file, never blank
 */
public record Query(String id, String text) {}
