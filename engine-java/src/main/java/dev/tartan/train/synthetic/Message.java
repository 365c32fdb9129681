package dev.tartan.train.synthetic;

/**
 * One turn of a conversation.
 *
 * @param role system, user or assistant
 * @param content plain text
 */
public record Message(String role, String content) {}
