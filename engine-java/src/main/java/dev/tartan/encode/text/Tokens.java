package dev.tartan.encode.text;

/**
 * The tokens of a text, without special ones. Arrays are not copied; nobody changes them.
 *
 * @param ids the id of each token
 * @param names the token as the vocabulary spells it
 * @param starts where it begins in the text, in {@code char}s
 * @param ends where it ends
 * @param words the number of the word that it belongs to
 */
record Tokens(int[] ids, String[] names, int[] starts, int[] ends, long[] words) {
  int length() {
    return ids.length;
  }
}
