package dev.tartan.train.synthetic;

/**
 * What is asked about.
 *
 * @param id of the document
 * @param text title and text, cut to {@link Prompts#PASSAGE_CHARACTERS}
 */
public record Passage(String id, String text) {}
