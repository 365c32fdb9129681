package dev.tartan.train.synthetic;

import org.jspecify.annotations.Nullable;

/**
 * What a language model said.
 *
 * @param content null if nothing
 * @param failure null if there is content
 * @param detail what else the server told
 * @param requests that it took
 * @param usage what it cost
 */
record Reply(
    @Nullable String content,
    @Nullable Failure failure,
    @Nullable String detail,
    int requests,
    Usage usage) {
  static Reply failed(Failure failure, String detail, int requests) {
    return new Reply(null, failure, detail, requests, Usage.NONE);
  }
}
