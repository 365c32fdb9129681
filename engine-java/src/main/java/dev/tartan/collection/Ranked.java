package dev.tartan.collection;

/**
 * One document of a ranking; its place in the list is its rank.
 *
 * @param documentId the user's id of the document
 * @param score higher is better
 */
public record Ranked(String documentId, double score) {}
